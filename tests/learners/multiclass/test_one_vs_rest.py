from __future__ import annotations

from typing import Any

import pytest
from river import linear_model, multiclass, optim, preprocessing

from learners.registry import create
from tests.learners.data import segments


@pytest.mark.parametrize("scale", [False, True], ids=["bare", "scaled"])
def test_it_answers_as_rivers(scale: bool) -> None:
    rate = 0.1 if scale else 1e-4
    theirs: Any = multiclass.OneVsRestClassifier(linear_model.LogisticRegression(optim.SGD(rate)))
    if scale:
        theirs = preprocessing.StandardScaler() | theirs
    learner = {"type": "logistic_regression", "learning_rate": rate}
    model = create("one_vs_rest", {"learner": learner}, scale)
    events = segments()[:1000]
    scored = model.run([x for x, _ in events], [y for _, y in events])
    for i, (x, y) in enumerate(events):
        chances = theirs.predict_proba_one(x) if i else {}
        if chances:
            assert scored.scores[i] == pytest.approx(max(chances.values()), abs=1e-9), i
            assert scored.predictions[i] == theirs.predict_one(x), i
        theirs.learn_one(x, y)


def test_every_class_has_a_learner_of_its_own() -> None:
    model = create("one_vs_rest", {"learner": {"type": "arow"}})
    model.run([{"a": 1.0}, {"a": -1.0}, {"b": 1.0}], ["up", "down", "b"])
    state = model.estimator.state()
    assert state["classes"] == ["up", "down", "b"]
    assert len(state["members"]) == 3
    assert model.predict_one({"a": 2.0}) == "up"
    assert model.predict_one({"b": 2.0}) == "b"
