"""The page says what comes."""

from __future__ import annotations

from agents.entities.declare import EntityTable, feature_names
from tests.markdown import ROOT

PAGE = ROOT / "docs" / "entities.md"


def test_the_names_on_the_page_are_those_that_come() -> None:
    windows = (86_400.0, 7 * 86_400.0, 90 * 86_400.0, 129_600.0)
    features = (
        *("count", "mean(amount)", "ratio(amount)", "since_last"),
        *("last(amount)", "lag(amount, 3)"),
    )
    names = {
        *feature_names(EntityTable(0, "card", features=features, windows=windows)),
        *feature_names(EntityTable(1, "terminal", "labels", ("mean(fraud)",), windows)),
        *feature_names(EntityTable(2, None, features=("trend(amount)",), windows=windows)),
    }
    sentence = PAGE.read_text().split("largest whole unit: ")[1].split(". No two")[0]
    assert {name.strip("`") for name in sentence.split(", ")} <= names
