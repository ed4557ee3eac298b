"""Members that are divided among several learners are those of one learner."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from learners.base import UNLABELLED
from learners.engine.rows import Rows
from learners.errors import SnapshotMismatch
from learners.model import Model
from learners.registry import from_spec
from learners.saved import snapshots
from learners.saved.fingerprint import fingerprint
from learners.spec import LearnerSpec
from learners.spread.joining import divided, joined, plain
from learners.spread.owning import share_of
from learners.spread.shares import CannotSpread, require_spreadable

SGD: dict[str, Any] = {"type": "logistic_regression", "learning_rate": 0.05}
BAG = LearnerSpec(
    "bagging", {"learner": SGD, "members": 5, "mean": 2.0, "delta": 1e-12}, scale=True
)
"""None of its members is ever replaced."""
BINS = ({"type": "quantile_bins"},)
CLASSES = LearnerSpec("one_vs_rest", {"learner": {"type": "arow"}}, scale=True)
ARF = LearnerSpec("river.forest.ARFClassifier", {"n_models": 5, "grace_period": 20, "seed": 3})
TREE = {"type": "river.tree.HoeffdingTreeClassifier", "grace_period": 20}
OURS = [
    BAG,
    replace(BAG, scale=False, steps=BINS),
    CLASSES,
    replace(CLASSES, steps=BINS),
]
RIVERS = [
    replace(ARF, scale=True),
    replace(ARF, steps=({"type": "scale"},)),
    LearnerSpec("river.forest.ARFRegressor", {"n_models": 4, "grace_period": 20}),
    LearnerSpec("river.forest.AMFClassifier", {"n_estimators": 4}),
    LearnerSpec("river.forest.AMFRegressor", {"n_estimators": 4}),
    LearnerSpec("river.ensemble.BaggingClassifier", {"model": TREE, "n_models": 4}),
]
Event = tuple[dict[str, float], Any]


def events(spec: LearnerSpec, count: int = 300, seed: int = 5) -> list[Event]:
    """What the label says turns around in the middle; a feature comes late."""
    draw, found = random.Random(seed), []
    for n in range(count):
        x = {"a": draw.gauss(0, 1), "b": draw.random(), "c": float(draw.randrange(4))}
        if n > count // 3:
            x["late"] = draw.random()
        turned = (x["a"] > x["b"]) != (n > count // 2)
        label: Any = turned
        if spec.type == "one_vs_rest":
            label = "xyzuvw"[min(n // 30, int(x["c"]) + 2 * turned)]
        elif spec.type.endswith("Regressor"):
            label = x["a"] + 3 * turned
        found.append((x, label))
    return found


def learn(model: Model, some: list[Event], size: int = 1) -> None:
    for start in range(0, len(some), size):
        block = some[start : start + size]
        rows = [x for x, _ in block]
        model.run(Rows.from_dicts(rows) if model.batched else rows, [y for _, y in block])


def shares_of(spec: LearnerSpec, some: list[Event], sizes: tuple[int, ...]) -> list[Model]:
    """A learner for each of these sizes of blocks, all of them over the same rows."""
    made = [from_spec(replace(spec, learners=len(sizes), share=n)) for n in range(len(sizes))]
    for share, size in zip(made, sizes, strict=True):
        learn(share, some, size)
    return made


def answers(model: Model, some: list[Event]) -> list[Any]:
    rows = [x for x, _ in some]
    scored = model.run(Rows.from_dicts(rows) if model.batched else rows, [UNLABELLED] * len(rows))
    return list(zip(scored.predictions, scored.scores, strict=True))


@pytest.mark.parametrize("learners", [1, 2, 3, 7])
def test_each_member_has_one_learner(learners: int) -> None:
    owned = Counter(k for n in range(learners) for k in share_of(7, n, learners))
    assert owned == Counter(range(7)) == Counter(share_of(7, None, learners))


@pytest.mark.parametrize("spec", OURS, ids=lambda spec: f"{spec.type} {len(spec.steps)}")
def test_the_shares_joined_are_the_one_learner_to_the_last_bit(spec: LearnerSpec) -> None:
    some = events(spec)
    one = from_spec(spec)
    learn(one, some)
    for sizes in ((7, 50), (300, 1, 64)):
        shares = shares_of(spec, some, sizes)
        together = joined(replace(spec, learners=len(sizes)), shares)
        assert together.fingerprint() == one.fingerprint() == plain(together).fingerprint()
        assert together.shares == (300,) * len(sizes)
        assert answers(together, some) == answers(one, some)


@pytest.mark.parametrize("spec", RIVERS, ids=lambda spec: f"{spec.type} {len(spec.steps)}")
def test_a_member_of_rivers_is_the_same_whoever_learns_beside_it(spec: LearnerSpec) -> None:
    some = events(spec, 200)
    two, four = (shares_of(spec, some, sizes) for sizes in ((1, 30), (200, 1, 9, 50)))
    one = from_spec(replace(spec, learners=2))
    learn(one, some)
    together = [joined(replace(spec, learners=len(s)), s) for s in (two, four)]
    for made in together:
        assert answers(made, some[-40:]) == answers(one, some[-40:])
        assert made.fingerprint() == one.fingerprint()
    drawn = {fingerprint(part.data) for part in inside(one).parts.values()}
    assert len(drawn) == len(inside(one).parts)  # no two draw alike


def inside(model: Model) -> Any:
    behind: Any = model.estimator
    while hasattr(behind, "learner"):
        behind = behind.learner
    return behind.final


def test_a_forest_answers_as_rivers_own_rule_says() -> None:
    """Votes are weighted by the accuracy of their tree."""
    some = events(ARF)
    together = joined(replace(ARF, learners=2), shares_of(ARF, some, (50, 50)))
    for x, _ in some[-50:]:
        votes: Counter[Any] = Counter()
        for part in inside(together).parts.values():
            weight = part._metrics[0].get()
            for label, chance in part.data[0].predict_proba_one(x).items():
                votes[label] += chance * (weight if weight > 0 else 1.0)
        score = votes[True] / sum(votes.values())
        assert together.score(x) == pytest.approx(score, abs=1e-12)


def test_a_forest_joined_goes_on_as_one_of_rivers() -> None:
    spec = replace(ARF, scale=True)
    some = events(spec)
    whole = plain(joined(replace(spec, learners=2), shares_of(spec, some, (50, 50))))
    back, header = snapshots.load(snapshots.dump(whole, {}), from_spec(spec))
    assert (header.learned, header.learners) == (300, 1)
    assert len(back.estimator.final.data) == 5  # type: ignore[attr-defined]
    assert answers(back, some) == answers(whole, some)
    learn(back, some)
    assert back.learned == 600
    told = zip(answers(back, some[-100:]), some[-100:], strict=True)
    assert sum(said == label for (said, _), (_, label) in told) > 70


def test_a_share_that_is_behind_answers_with_the_members_that_it_has() -> None:
    spec = replace(BAG, scale=False)
    some = events(spec)
    shares = [from_spec(replace(spec, learners=2, share=n)) for n in range(2)]
    learn(shares[0], some, 50)
    learn(shares[1], some[:90], 50)  # it has not met the feature "late"
    together = joined(replace(spec, learners=2), shares)
    assert (together.learned, together.shares) == (90, (300, 90))
    members = [member for share in shares for member in share.estimator.members]  # type: ignore[attr-defined]
    order = [0, 3, 1, 4, 2]
    for x, _ in some[-20:]:
        total = 0.0
        for k in order:
            score = members[k].score(x)
            assert score is not None
            total += score
        assert together.score(x) == total / 5


def test_a_class_counts_once_its_learner_knows_it() -> None:
    some = events(CLASSES)
    shares = [from_spec(replace(CLASSES, learners=2, share=n)) for n in range(2)]
    learn(shares[0], some, 50)
    learn(shares[1], some[:20], 50)
    names = shares[0].estimator.learner.classes.names  # type: ignore[attr-defined]
    spec = replace(CLASSES, learners=2)
    assert {said for said, _ in answers(joined(spec, shares), some)} == {names[0]}
    learn(shares[1], some[20:], 50)
    assert {said for said, _ in answers(joined(spec, shares), some)} >= set(names[1:3])


def test_who_is_replaced_is_the_worst_of_one_learner() -> None:
    params = {"learner": {**SGD, "learning_rate": 0.3}, "members": 6, "delta": 0.3}
    spec = replace(BAG, params=params)
    draw = random.Random(2)
    some: list[Event] = []
    for n in range(3_000):
        x = {"a": draw.gauss(0, 1), "b": draw.gauss(0, 1)}
        some.append((x, (x["a"] > 0) != (n // 400 % 2 == 1)))
    whole, one = from_spec(replace(spec, learners=3)), from_spec(spec)
    learn(whole, some, 100)
    learn(one, some, 100)
    shares = shares_of(spec, some, (1, 500, 77))
    replaced = [share.estimator.learner.replaced for share in shares]  # type: ignore[attr-defined]
    assert min(replaced) > 0
    together = joined(replace(spec, learners=3), shares)
    assert together.fingerprint() == whole.fingerprint()
    assert together.fingerprint() != one.fingerprint()


@pytest.mark.parametrize("spec", [BAG, CLASSES, replace(BAG, steps=BINS, scale=False)])
def test_a_model_is_divided_and_joined_again(spec: LearnerSpec) -> None:
    some = events(spec)
    one = from_spec(spec)
    learn(one, some)
    several = replace(spec, learners=3)
    shares = divided(several, one)
    assert joined(several, shares).fingerprint() == one.fingerprint()
    learn(one, some)
    for share in shares:
        learn(share, some, 25)
    assert joined(several, shares).fingerprint() == one.fingerprint()


def test_a_forest_of_rivers_is_not_divided_afterwards() -> None:
    with pytest.raises(CannotSpread, match="one generator of random numbers"):
        divided(replace(ARF, learners=2), from_spec(ARF))


@pytest.mark.parametrize("spec", [BAG, CLASSES, replace(ARF, scale=True)])
def test_a_share_is_saved_and_is_no_other_share(spec: LearnerSpec) -> None:
    some = events(spec)
    first, second = shares_of(spec, some[:200], (20, 20))
    saved = snapshots.dump(first, {})
    again, header = snapshots.load(saved, from_spec(first.spec))
    assert (header.learners, header.share) == (2, 0)
    assert again.fingerprint() == first.fingerprint()
    for model in (first, again):
        learn(model, some[200:], 10)
    assert again.fingerprint() == first.fingerprint()
    assert first.fingerprint() != second.fingerprint()
    for other in (second.spec, spec, replace(spec, learners=2), replace(first.spec, learners=3)):
        with pytest.raises(SnapshotMismatch, match=r"learners|share"):
            snapshots.load(saved, from_spec(other))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (replace(BAG, learners=6), r"learners = 6: is more than the 5 members of bagging"),
        (replace(BAG, params={"learner": SGD}, learners=11), r"more than the 10 members"),
        (replace(ARF, learners=9), r"more than the 5 members of river\.forest\.ARFClassifier"),
        (LearnerSpec("arow", learners=2), r"learners = 2: arow has no members"),
        (LearnerSpec("river.ensemble.SRPClassifier", learners=2), r"divides the features"),
        (LearnerSpec("river.ensemble.ADWINBaggingClassifier", learners=2), r"replaces the worst"),
        (replace(BAG, learners=2, drift={"detector": "adwin"}), r"learner\.drift.*watches"),
        (
            replace(BAG, learners=2, rule={"feature": "x"}),
            r"learner\.rule.*weighs the answer of all",
        ),
    ],
)
def test_what_cannot_be_divided_is_refused_by_key_and_value(spec: LearnerSpec, said: str) -> None:
    with pytest.raises(CannotSpread, match=said):
        from_spec(spec)
    require_spreadable(replace(spec, learners=1))
