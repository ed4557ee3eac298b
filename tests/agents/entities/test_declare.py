from __future__ import annotations

from typing import Any

import pytest

from agents.entities.declare import EntityError, EntityTable, check_tables, feature_names

D = 86_400.0


def test_names_say_the_entity_the_function_its_field_and_the_window() -> None:
    table = EntityTable(
        0, "card", features=("mean(amount)", "since_last", "count"), windows=(7 * D, 129_600.0)
    )
    assert feature_names(table) == (
        "card_since_last",
        "card_mean_amount_7d",
        "card_count_7d",
        "card_mean_amount_36h",
        "card_count_36h",
    )


LISTED = (
    "is none of count, since_last, sum(x), mean(x), std(x), distinct(x), ratio(x), trend(x), "
    "last(x), lag(x, n), with a field of the event as x"
)


@pytest.mark.parametrize(
    "text",
    ["avg(amount)", "mean", "mean()", "mean( )", "count(x)", "", "Mean(x)", "lag(x)", "lag(x, y)",
     "lag(x, -1)", "lag( , 2)", "last"],
)  # fmt: skip
def test_what_is_no_feature_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(EntityError) as refused:
        feature_names(EntityTable(3, "card", features=("count", text)))
    assert str(refused.value) == f'entities[3].features: "{text}" {LISTED}'
    assert (refused.value.key, refused.value.what) == (
        ("entities[3]", "features"),
        f'"{text}" {LISTED}',
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("since_last", 'needs source = "events"'),
        ("ratio(amount)", 'needs source = "events"'),
        ("distinct(fraud)", "cannot be of the label, which may be corrected"),
        ("lag(fraud, 0)", "reaches back 1 to 1,000 values"),
        ("lag(fraud, 1001)", "reaches back 1 to 1,000 values"),
    ],
)
def test_some_features_are_not_of_labels(text: str, why: str) -> None:
    table = EntityTable(1, "card", "labels", (text,), label="fraud")
    with pytest.raises(EntityError) as refused:
        feature_names(table)
    assert str(refused.value) == f'entities[1].features: "{text}" {why}'


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"bucket": 2 * D}, "bucket: must be at most the shortest window, 1d"),
        ({"bucket": 60.0}, "bucket: 1,442 buckets of 1m for each entity, of at most 512"),
        ({"windows": (60.0, 30 * D)}, "windows: 43,202 buckets of 1m for each entity"),
        ({"windows": (0.0005,)}, "windows: must be whole milliseconds"),
        ({"delay": 0.0001}, "delay: must be whole milliseconds"),
        ({"delay": 600 * D}, "windows: 603 buckets of 1d for each entity"),
    ],
)
def test_windows_that_cannot_be_are_refused_with_the_key(
    settings: dict[str, Any], what: str
) -> None:
    with pytest.raises(EntityError) as refused:
        feature_names(EntityTable(0, "card", **settings))
    assert str(refused.value).startswith(f"entities[0].{what}")


@pytest.mark.parametrize("text", ["mean(paid)", "last(paid)", "distinct(paid)", "lag(paid, 2)"])
def test_the_label_of_an_event_is_no_feature_of_events(text: str) -> None:
    table = EntityTable(0, "card", features=(text,), label="paid", with_events=True)
    with pytest.raises(EntityError, match='it needs source = "labels"'):
        feature_names(table)


def test_no_two_tables_make_a_feature_of_one_name() -> None:
    tables = [
        EntityTable(0, "card", features=("count", "mean(amount)")),
        EntityTable(1, "card", "labels", features=("count",)),
    ]
    with pytest.raises(EntityError) as refused:
        check_tables(tables)
    what = 'entities[1].features: "card_count_1d" is a feature of entities[0] already'
    assert str(refused.value) == what
    check_tables(tables[:1])
