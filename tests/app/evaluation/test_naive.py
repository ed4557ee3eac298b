"""What is predicted without a model, from the labels that are known at an event."""

from __future__ import annotations

import random

import pytest

from app.evaluation.naive import naive, worse_than_none, yardsticks
from app.evaluation.verdicts import Verdict


def verdicts(*rows: tuple[object, int | None]) -> list[Verdict]:
    """Events a second apart, each with its label and when that is known."""
    return [
        Verdict(1000 * n, (0, n), label, 0.0, None, label, known_at=known_at)
        for n, (label, known_at) in enumerate(rows)
    ]


def test_a_label_is_known_from_its_event_on_or_when_it_comes() -> None:
    at_once = verdicts(("a", None), ("b", None), ("b", None), ("a", None))
    assert [known for _, known in naive("multiclass", at_once)] == [
        (None, None),
        ("a", "a"),
        ("b", "a"),
        ("b", "b"),
    ]
    late = verdicts(("a", 2000), ("b", 1500), ("b", 9000), ("a", 9000))
    assert [known.last for _, known in naive("multiclass", late)] == [None, None, "a", "a"]


def test_a_label_that_comes_before_its_event_is_not_told_to_it() -> None:
    early = verdicts(("a", None), ("b", 0), ("c", 0))
    assert [known.last for _, known in naive("multiclass", early)] == [None, "a", "b"]


@pytest.mark.parametrize("late", [False, True])
def test_it_is_that_of_a_slow_search(late: bool) -> None:
    draw = random.Random(7)
    rows = [
        (draw.choice("ab"), 1000 * n + draw.randrange(9000) if late else None) for n in range(200)
    ]
    made = verdicts(*rows)
    for n, (verdict, known) in enumerate(naive("multiclass", made)):
        heard = [(v.known_at if late else v.time, m, v.label) for m, v in enumerate(made[:n])]
        told = sorted(each for each in heard if (each[0] or 0) <= verdict.time)
        assert known.last == (told[-1][2] if told else None)


def test_yardsticks_of_numbers() -> None:
    found = yardsticks("regression", verdicts((1.0, None), (3.0, None), (5.0, None)))
    assert found == {"mae_last_value": 2.0, "mae_running_mean": pytest.approx(2.5)}
    assert yardsticks("clustering", verdicts((1.0, None))) == {}


def test_it_is_said_where_a_model_is_worse_than_none() -> None:
    found = {"accuracy": 0.8, "last_label_right": 0.853, "majority_right": 0.575}
    (line,) = worse_than_none(found)
    assert line == (
        "worse than no model: repeating the last label has the accuracy 0.853, this one 0.8"
    )
    assert list(worse_than_none({"mae": 2.0, "mae_last_value": 2.5})) == []
    assert len(list(worse_than_none({"mae": 2.0, "mae_last_value": 1.5}))) == 1


def test_errors_that_explode_are_told_with_what_to_do() -> None:
    (line,) = worse_than_none({"r2": -21_988.0})
    assert "take a smaller learner.learning_rate" in line
    assert list(worse_than_none({"r2": -2.0})) == []
