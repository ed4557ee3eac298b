from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from learners.engine.rows import Rows
from learners.errors import LabelError, LearnFailed
from learners.model import UNLABELLED, Model
from learners.registry import create, names
from learners.river.estimator import RiverEstimator
from learners.spec import LearnerSpec
from tests.learners.broken import Good


class FailsOn(Good):
    """Raises when it meets a feature of a name."""

    def predict_one(self, x: dict[str, float]) -> bool:
        if "unpredictable" in x:
            raise RuntimeError("cannot predict this")
        return super().predict_one(x)

    def learn_one(self, x: dict[str, float], y: bool) -> None:
        if "unlearnable" in x:
            raise RuntimeError("cannot learn this")
        super().learn_one(x, y)


NEEDED: dict[str, dict[str, Any]] = {
    name: {"learner": {"type": "arow"}} for name in ("bagging", "one_vs_rest")
}
SMALL = {"k_means": {"buffer": 5}, "mini_batch_k_means": {"batch_size": 5}}


def ours(name: str) -> Model:
    return create(name, NEEDED.get(name, {}), scale=True)


def fails_on() -> Model:
    return Model(LearnerSpec("fails"), RiverEstimator(FailsOn()))


@pytest.mark.parametrize("name", names())
def test_what_comes_out_is_plain_python(name: str) -> None:
    model = create(name, {**NEEDED, **SMALL}.get(name, {}))
    label: Any = model.check_label(1)
    scored = model.run(
        Rows(("a", "b"), np.random.default_rng(1).normal(size=(50, 2))), [label] * 50
    )
    assert label is None or scored.predictions[-1] is not None
    kinds = {type(p) for p in scored.predictions[5:]}
    assert kinds <= {bool, float, int}
    assert len(kinds) == 1
    assert {type(s) for s in scored.scores[5:]} == {float}


def test_a_row_that_cannot_be_predicted_is_not_learned_and_the_others_are() -> None:
    model = fails_on()
    scored = model.run([{"a": 1.0}, {"unpredictable": 1.0}, {"a": 2.0}], [True, True, UNLABELLED])
    assert scored.predictions[1] is None
    assert scored.scores[1] is None
    assert {i: str(e) for i, e in scored.failures.items()} == {1: "cannot predict this"}
    assert model.learned == model.estimator.state().n == 1


def test_a_row_that_cannot_be_learned_stops_the_batch_with_its_number() -> None:
    model = fails_on()
    with pytest.raises(LearnFailed, match="row 1: RuntimeError: cannot learn this") as caught:
        model.run([{"a": 1.0}, {"unlearnable": 1.0}, {"a": 2.0}], [True, True, True])
    assert caught.value.index == 1
    assert isinstance(caught.value.cause, RuntimeError)


def test_only_labelled_rows_count_as_learned() -> None:
    model = create("passive_aggressive")
    model.run([{"a": 1.0}, {"a": 2.0}, {"a": 3.0}], [True, UNLABELLED, False])
    assert model.learned == 2


def test_an_empty_batch_is_taken() -> None:
    for name in names():
        scored = ours(name).run(Rows((), np.empty((0, 0))), [])
        assert (scored.predictions, scored.scores) == ([], [])


def test_rows_and_dicts_are_both_taken_by_both_kinds() -> None:
    dicts = [{"a": 1.0}, {"b": 2.0}]
    for type in ("svm", "river.linear_model.PAClassifier"):
        one, other = create(type), create(type)
        one.run(dicts, [True, False])
        other.run(Rows.from_dicts(dicts), [True, False])
        assert one.fingerprint() == other.fingerprint()


def test_the_fingerprint_knows_type_parameters_scaling_and_events() -> None:
    models = [
        create("svm"),
        create("logistic_regression"),
        create("svm", {"learning_rate": 0.1}),
        create("svm", scale=True),
    ]
    counted = create("svm")
    counted.learned = 1
    assert len({model.fingerprint() for model in [*models, counted]}) == 5


def test_warming_up_changes_nothing() -> None:
    for name in names():
        warm = ours(name)
        warm.warm_up(15)
        assert warm.fingerprint() == ours(name).fingerprint()


def test_learning_one_event_checks_its_label() -> None:
    model = create("svm")
    with pytest.raises(LabelError, match="label 7"):
        model.learn_one({"a": 1.0}, 7)
    assert model.learned == 0
