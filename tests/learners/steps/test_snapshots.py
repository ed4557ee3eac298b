"""Steps in snapshots: data, bound to what made them, and small."""

from __future__ import annotations

from typing import Any

import pytest

from learners.errors import SnapshotMismatch, StepError
from learners.model import Model
from learners.registry import create
from learners.saved import snapshots
from learners.weights import weights
from tests.learners.data import phishing

STEPS: list[dict[str, Any]] = [{"type": "scale"}, {"type": "select_by_weight", "k": 4}]


def learned(steps: list[dict[str, Any]]) -> Model:
    model = create("passive_aggressive", {"C": 0.01}, False, None, steps)
    model.run([x for x, _ in phishing()], [y for _, y in phishing()])
    return model


def test_ours_with_steps_need_no_pickle() -> None:
    data = snapshots.dump(learned(STEPS), {})
    header = snapshots.read_header(data)
    assert (header.body, header.steps) == ("msgpack", STEPS)
    assert snapshots.load(data, learned(STEPS))[0].spec.steps == STEPS


@pytest.mark.parametrize(
    "others", [[], STEPS[:1], STEPS[::-1], [STEPS[0], {"type": "select_by_weight", "k": 5}]]
)
def test_a_model_with_other_steps_is_refused(others: list[dict[str, Any]]) -> None:
    header = snapshots.read_header(snapshots.dump(learned(STEPS), {}))
    with pytest.raises(SnapshotMismatch, match="the saved model has steps"):
        snapshots.require_same(
            header, create("passive_aggressive", {"C": 0.01}, False, None, others)
        )


def test_other_steps_are_another_fingerprint() -> None:
    hashed = [{"type": "feature_hashing", "seed": seed} for seed in (1, 2)]
    assert len({create("svm", {}, False, None, [step]).fingerprint() for step in hashed}) == 2


def test_a_projection_keeps_nothing_of_what_it_saw() -> None:
    model = create("svm", {}, False, None, [{"type": "gaussian_projection"}])
    for i in range(200):
        model.learn_one({f"feature {i}": 1.0}, True)
    assert len(snapshots.dump(model, {})) < 2000


def test_the_weights_of_a_learner_behind_steps_can_be_read() -> None:
    (each,) = weights(learned(STEPS))
    assert {row.feature for row in each.rows} <= set(phishing()[0][0])
    river = create("river.linear_model.PAClassifier", {}, False, None, STEPS)
    for x, y in phishing()[:50]:
        river.learn_one(x, y)
    assert weights(river)[0].rows


@pytest.mark.parametrize(
    ("steps", "error"),
    [
        ([{}], r"steps\[0\].type = None: unknown"),
        ([{"type": "scale"}, {"type": "one_hot"}], r"steps\[1\].type = 'one_hot': takes texts"),
        ([{"type": "scale"}, {"type": "incremental_pca", "n": 2}], r"steps\[1\].n: step"),
        ([{"type": "select_by_weight", "l2": 9}], r"steps\[0\].l2 = 9: must be a number above 0 n"),
    ],
)
def test_a_wrong_step_is_refused_by_its_place(steps: list[dict[str, Any]], error: str) -> None:
    with pytest.raises(StepError, match=error):
        create("svm", {}, False, None, steps)
