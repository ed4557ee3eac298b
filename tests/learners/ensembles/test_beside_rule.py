"""A learner beside a hand rule: a Bayesian mixture of both, row after row."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from learners import create
from learners.base import UNLABELLED
from learners.checks import contract as checks
from learners.engine.rows import Rows
from learners.errors import RuleError, SnapshotMismatch
from learners.mixing.family import CannotMix, family
from learners.model import Model
from learners.saved import snapshots
from learners.spec import LearnerSpec

FTRL = {"optimizer": "ftrl", "learning_rate": 0.1}
IN_PROCESS = [check for check in checks.ALL if check is not checks.same_under_any_hash_seed]
BINS = [{"type": "quantile_bins", "features": ["b"]}]
Row = tuple[dict[str, float], bool]


def made(half_life: float = 50.0, type: str = "logistic_regression", **more: Any) -> Model:
    rule = {"feature": "rule", "half_life": half_life}
    params = FTRL if type == "logistic_regression" else {}
    return create(type, params, scale=True, rule=rule, **more)


def rows(count: int, seed: int = 1) -> list[Row]:
    """The rule is right for the first half, and wrong for the second; now and then it is absent."""
    draw, found = random.Random(seed), []
    for n in range(count):
        x = {"a": draw.gauss(0, 1), "b": draw.gauss(0, 1)}
        y = x["a"] + 0.5 * draw.gauss(0, 1) > 0.8
        sure = y == (n < count // 2)
        if n % 7:
            x["rule"] = draw.uniform(0.6, 1.1) if sure else draw.uniform(-0.1, 0.3)
        found.append((x, y))
    return found


def slow(events: list[Row], half_life: float) -> list[float]:
    """The definition: each expert's weight is the product of what it gave to the labels."""
    learner, logs, scores = create("logistic_regression", FTRL, scale=True), [0.0, 0.0], []
    for x, y in events:
        rest = {name: value for name, value in x.items() if name != "rule"}
        p = learner.score(rest)
        assert p is not None
        if "rule" in x:
            both = [p, min(1.0, max(0.0, x["rule"]))]
            odds = [max(-30.0, min(30.0, _log_odds(q))) for q in both]
            top = max(logs)
            weights = [math.exp(log - top) for log in logs]
            mean = sum(w * z for w, z in zip(weights, odds, strict=True)) / sum(weights)
            scores.append(1 / (1 + math.exp(-mean)))
            given = [max(1e-6, q if y else 1 - q) for q in both]
            logs = [
                0.5 ** (1 / half_life) * log + math.log(q)
                for log, q in zip(logs, given, strict=True)
            ]
        else:
            scores.append(p)
        learner.learn_one(rest, y)
    return scores


def _log_odds(p: float) -> float:
    return math.inf if p >= 1 else -math.inf if p <= 0 else math.log(p / (1 - p))


@pytest.mark.parametrize("half_life", [5.0, 50.0, 1e9])
def test_it_is_the_mixture_of_the_definition(half_life: float) -> None:
    events = rows(600)
    model = made(half_life)
    got = model.run(Rows.from_dicts([x for x, _ in events]), [y for _, y in events])
    assert got.scores == pytest.approx(slow(events, half_life), abs=1e-9)
    assert got.predictions == [score is not None and score > 0.5 for score in got.scores]


def test_an_empty_model_says_what_the_rule_says_in_its_order() -> None:
    model = made()
    odds = [0.0, 0.01, 0.3, 0.31, 0.9, 1.0]
    said = [model.score({"a": 1.0, "b": 2.0, "rule": p}) for p in odds]
    assert said == sorted(said, key=lambda score: score or 0.0)
    assert len(set(said)) == len(odds)


def test_it_follows_whoever_is_better() -> None:
    events = rows(4000)
    rest = [({k: v for k, v in x.items() if k != "rule"}, y) for x, y in events]
    beside, alone = made(200.0), create("logistic_regression", FTRL, scale=True)
    losses: dict[str, list[float]] = {"beside": [], "alone": [], "rule": []}
    for (x, y), (z, _) in zip(events, rest, strict=True):
        if "rule" in x:
            said = {"beside": beside.score(x), "alone": alone.score(z), "rule": x["rule"]}
            for name, p in said.items():
                q = p if y else 1 - (p or 0.0)
                losses[name].append(-math.log(max(1e-6, min(1.0, q or 0.0))))
        beside.learn_one(x, y)
        alone.learn_one(z, y)
    half = len(losses["rule"]) // 2
    mean = {name: (np.mean(each[:half]), np.mean(each[half:])) for name, each in losses.items()}
    assert mean["rule"][0] < mean["alone"][0] < mean["rule"][1]
    assert mean["beside"][0] < mean["rule"][0] + 0.02
    assert mean["beside"][1] < mean["alone"][1] + 0.1 < mean["rule"][1] - 0.5


@pytest.mark.parametrize("check", IN_PROCESS)
@pytest.mark.parametrize(
    "more",
    [{}, {"steps": BINS}, {"drift": {"detector": "adwin", "reaction": "reset"}}],
    ids=["bare", "steps", "drift"],
)
def test_it_keeps_the_contract_of_all_learners(check: Any, more: Mapping[str, Any]) -> None:
    rule = {"feature": "a"}  # of the contract's own rows; it is absent now and then
    check(lambda: create("logistic_regression", FTRL, rule=rule, **more))


def test_contributions_and_the_rule_add_up_to_the_log_odds() -> None:
    events = rows(300)
    model = made(steps=BINS)
    got = model.run(Rows.from_dicts([x for x, _ in events]), [y for _, y in events], explain=True)
    assert got.contributions is not None
    for score, made_of, (x, _) in zip(got.scores, got.contributions, events, strict=True):
        assert ("rule" in made_of.names) == ("rule" in x)
        margin = made_of.values.sum() + made_of.intercept
        assert score == pytest.approx(1 / (1 + math.exp(-margin)), abs=1e-9)


def test_a_snapshot_goes_on_and_is_refused_without_the_rule() -> None:
    events = rows(400)
    model = made()
    for x, y in events[:200]:
        model.learn_one(x, y)
    again, _ = snapshots.load(snapshots.dump(model, {}), made())
    assert again.fingerprint() == model.fingerprint()
    rest = Rows.from_dicts([x for x, _ in events[200:]]), [y for _, y in events[200:]]
    assert again.run(*rest).scores == model.run(*rest).scores
    plain = create("logistic_regression", FTRL, scale=True)
    with pytest.raises(SnapshotMismatch, match="rule"):
        snapshots.load(snapshots.dump(model, {}), plain)
    with pytest.raises(SnapshotMismatch, match="rule"):
        snapshots.load(snapshots.dump(plain, {}), made())


def test_a_learner_behind_texts_has_a_rule_too() -> None:
    model = made(steps=[{"type": "one_hot", "features": ["shop"]}])
    for x, y in rows(60):
        model.learn_one({**x, "shop": "far" if y else "near"}, y)
    event = {"a": 2.0, "b": 0.0, "shop": "far", "rule": 0.9}
    score = model.score(event)
    assert score is not None
    assert 0.5 < score < 1.0
    assert model.run([event], [UNLABELLED]).scores == [score]
    unknown = {**event, "rule": "a text"}
    assert model.score(unknown) == model.score({k: event[k] for k in ("a", "b", "shop")})


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ({}, "rule.feature: is missing"),
        ({"feature": 3}, "rule.feature: must be the name of a feature"),
        ({"feature": "x", "half_life": 0.0}, "rule.half_life: must be a number above 0"),
        ({"feature": "x", "halflife": 1.0}, "rule.halflife: unknown key; a rule takes feature"),
    ],
)
def test_a_wrong_rule_is_refused_by_its_key(rule: Mapping[str, Any], what: str) -> None:
    with pytest.raises(RuleError, match=what):
        create("logistic_regression", rule=rule)


def test_a_rule_needs_two_classes_and_cannot_be_mixed() -> None:
    with pytest.raises(RuleError, match="two classes, not regression"):
        create("linear_regression", rule={"feature": "x"})
    with pytest.raises(CannotMix, match="beside a rule"):
        family(LearnerSpec("logistic_regression", rule={"feature": "x"}))
