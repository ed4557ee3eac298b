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
    more = {"rule": {"feature": "rule", "half_life": half_life}} | more
    params = FTRL if type == "logistic_regression" else {}
    return create(type, params, scale=True, **more)


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
            bounded = [p, min(0.999, max(0.001, x["rule"]))]
            odds = [max(-30.0, min(30.0, _log_odds(q))) for q in bounded]
            top = max(logs)
            weights = [math.exp(log - top) for log in logs]
            share = min(0.99, max(0.01, weights[0] / sum(weights)))
            mean = share * odds[0] + (1 - share) * odds[1]
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


def test_events_that_the_rule_does_not_tell_apart_are_ranked_by_the_learner() -> None:
    """Below its bound the rule says nothing, however far it is ahead."""
    model, draw = made(1e9), random.Random(3)
    for _ in range(3000):
        x = {"a": draw.gauss(0, 1), "b": 0.0}
        y = draw.random() < (0.6 if x["a"] > 2.0 else 0.02 if x["a"] > 0.0 else 0.001)
        model.learn_one({**x, "rule": 0.9 if y else 1e-6}, y)
    lead = model.estimator.lead[0]  # type: ignore[attr-defined]
    assert lead < -100, "the rule is right each time"
    said = [
        model.score({"a": a, "b": 0.0, "rule": rule}) or 0.0
        for rule in (1e-9, 1e-5, 0.001)
        for a in (-1.0, 0.0, 1.0)
    ]
    assert said[:3] == said[3:6] == said[6:]
    assert said[0] < said[1] < said[2] < (model.score({"a": -1.0, "b": 0.0, "rule": 0.002}) or 0.0)


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
    [
        {},
        {"steps": BINS},
        {"drift": {"detector": "adwin", "reaction": "reset"}},
        {"rule": {"feature": "a", "terms": {"b": "b", "more": "c"}}},
    ],
    ids=["bare", "steps", "drift", "terms"],
)
def test_it_keeps_the_contract_of_all_learners(check: Any, more: Mapping[str, Any]) -> None:
    # "a" is a feature of the contract's own rows; it is absent now and then
    made_of: dict[str, Any] = {"rule": {"feature": "a"}, **more}
    check(lambda: create("logistic_regression", FTRL, **made_of))


def explained(model: Model, events: list[Row]) -> list[tuple[float, dict[str, float], float]]:
    """The score of each row, its contributions by name, and the intercept."""
    got = model.run(Rows.from_dicts([x for x, _ in events]), [y for _, y in events], explain=True)
    assert got.contributions is not None
    return [
        (score or 0.0, dict(zip(of.names, of.values.tolist(), strict=True)), of.intercept)
        for score, of in zip(got.scores, got.contributions, strict=True)
    ]


def with_terms(events: list[Row]) -> list[Row]:
    """The rule looks at `b` and `shop`, in changing proportions; now and then it does not say."""
    return [
        ({**x, "of_b": float(n % 4), "of_shop": 3.0 * (n % 5 == 4)} if n % 6 else x, y)
        for n, (x, y) in enumerate(events)
    ]


TERMS = {"b": "of_b", "shop": "of_shop"}


@pytest.mark.parametrize("terms", [None, TERMS])
def test_contributions_and_the_rule_add_up_to_the_log_odds(terms: Any) -> None:
    rule = {"feature": "rule", "half_life": 50.0} | ({"terms": terms} if terms else {})
    model = create("logistic_regression", FTRL, scale=True, rule=rule, steps=BINS)
    events = with_terms(rows(300)) if terms else rows(300)
    for (score, values, intercept), (x, _) in zip(explained(model, events), events, strict=True):
        margin = sum(values.values()) + intercept
        assert score == pytest.approx(1 / (1 + math.exp(-margin)), abs=1e-9)
        assert "rule" in x or values["rule"] == 0.0
        assert not {"of_b", "of_shop"} & values.keys()


def test_what_the_rule_adds_is_told_as_its_terms_and_what_it_takes_away_as_itself() -> None:
    """The reference: the same mixture with the rule told as itself."""
    events = with_terms(rows(300))
    plain, termed = made(), made(rule={"feature": "rule", "half_life": 50.0, "terms": TERMS})
    bare = [({k: v for k, v in x.items() if not k.startswith("of_")}, y) for x, y in events]
    seen = set()
    for one, other, (x, _) in zip(
        explained(plain, bare), explained(termed, events), events, strict=True
    ):
        assert other[0] == one[0], "the terms change no score"
        added, of_b, of_shop = one[1]["rule"], x.get("of_b", 0.0), x.get("of_shop", 0.0)
        told = {name: other[1][name] - one[1].get(name, 0.0) for name in ("rule", "b", "shop")}
        if added > 0 and of_b + of_shop > 0:
            want = {"rule": -added, "b": added * of_b / (of_b + of_shop)}
            want["shop"] = added - want["b"]
        else:
            want = dict.fromkeys(told, 0.0)
        assert told == pytest.approx(want, abs=1e-9)
        seen.add((added > 0, of_b + of_shop > 0))
    assert len(seen) == 4


def test_a_rule_that_says_what_it_usually_says_is_no_reason() -> None:
    model = made()
    for n in range(200):
        model.learn_one({"a": n % 2, "b": 0.0, "rule": 0.2}, n % 5 == 0)
    usual, more, less = ({"a": 1.0, "b": 0.0, "rule": rule} for rule in (0.2, 0.4, 0.1))
    told = [values["rule"] for _, values, _ in explained(model, [(usual, False)])]
    told += [values["rule"] for _, values, _ in explained(model, [(more, False)])]
    told += [values["rule"] for _, values, _ in explained(model, [(less, False)])]
    assert told[0] == pytest.approx(0.0, abs=0.02)
    assert told[1] > 0.1 > -0.1 > told[2]


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
        ({"feature": "x", "bound": 0.0}, "rule.bound: must be a number above 0 not above 0.5"),
        ({"feature": "x", "terms": ["a"]}, "rule.terms: must be a table of names, such as"),
        ({"feature": "x", "terms": {"a": 1.0}}, "rule.terms: must be a table of names, such as"),
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
