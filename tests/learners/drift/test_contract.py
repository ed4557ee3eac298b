"""A watched learner keeps the contract of every learner."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from learners.checks import contract as checks
from learners.registry import create

# So nervous that each of them reacts several times within the checks' steady streams.
ADWIN = {"detector": "adwin", "delta": 0.9, "clock": 1, "min_window_length": 1}
HINKLEY = {"detector": "page_hinkley", "threshold": 2.0, "min_instances": 5}
KSWIN = {"detector": "kswin", "alpha": 0.6, "window_size": 20, "stat_size": 8}
WATCHED: list[tuple[str, dict[str, Any], bool, dict[str, Any]]] = [
    ("passive_aggressive", {}, True, {**ADWIN, "reaction": "alarm", "loss": "log"}),
    ("passive_aggressive", {}, True, {**HINKLEY, "reaction": "reset"}),
    ("passive_aggressive", {}, False, {**KSWIN, "reaction": "swap", "window": 10}),
    ("logistic_regression", {}, True, {**KSWIN, "reaction": "raise", "events": 13}),
    ("linear_regression", {}, True, {**HINKLEY, "reaction": "swap", "window": 10}),
    ("passive_aggressive_multiclass", {}, True, {**HINKLEY, "reaction": "reset"}),
    (
        *("one_vs_rest", {"learner": {"type": "arow"}}, False),
        {**HINKLEY, "reaction": "swap", "window": 17},
    ),
    ("river.naive_bayes.GaussianNB", {}, False, {**HINKLEY, "reaction": "swap", "window": 10}),
    ("river.linear_model.LinearRegression", {}, False, {**HINKLEY, "reaction": "reset"}),
]
IN_PROCESS = [c for c in checks.ALL if c is not checks.same_under_any_hash_seed]


@pytest.mark.parametrize("entry", WATCHED, ids=lambda e: f"{e[0]}-{e[3]['reaction']}")
@pytest.mark.parametrize("check", IN_PROCESS)
def test_a_watched_learner_keeps_the_contract(
    check: Callable[[checks.Make], None], entry: tuple[Any, ...]
) -> None:
    rivers_regression = entry[0] == "river.linear_model.LinearRegression"
    if check is checks.extreme_input_gives_no_nan and rivers_regression:
        return  # River's overflows, watched or not
    check(lambda: create(*entry))


def test_all_are_the_same_under_any_hash_seed() -> None:
    checks.same_under_any_hash_seed(*(functools.partial(create, *entry) for entry in WATCHED))


@pytest.mark.parametrize("entry", WATCHED, ids=lambda e: f"{e[0]}-{e[3]['reaction']}")
def test_the_checks_see_reactions(entry: tuple[Any, ...]) -> None:
    from learners.checks import data as check_data

    model = create(*entry)
    for x, y in check_data.coming_and_going(model.task, 300):
        model.learn_one(x, y)
    assert model.drifts
