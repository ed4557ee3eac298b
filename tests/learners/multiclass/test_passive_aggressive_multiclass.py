from __future__ import annotations

from math import exp
from typing import Any

import pytest

from learners.model import UNLABELLED
from learners.multiclass.passive_aggressive_multiclass import PassiveAggressiveMulticlass
from learners.registry import create
from tests.learners.data import segments


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_it_moves_by_the_papers_formula(mode: int) -> None:
    learner = PassiveAggressiveMulticlass(0.01, mode, learn_intercept=False)
    w: dict[Any, dict[str, float]] = {}
    for x, y in segments()[:500]:
        margins = {k: sum(wk.get(i, 0.0) * v for i, v in x.items()) for k, wk in w.items()}
        if margins:
            best = max(margins, key=margins.__getitem__)
            share = 1 / sum(exp(max(-700, m - margins[best])) for m in margins.values())
            assert learner.predict_one(x) == best
            assert learner.score(x) == pytest.approx(share, abs=1e-6)
        wrong = {k: m for k, m in margins.items() if k != y}
        if wrong:
            s = max(wrong, key=wrong.__getitem__)
            loss = max(0.0, 1 - margins.get(y, 0.0) + margins[s])
            norm = 2 * sum(v * v for v in x.values())
            tau = {0: loss / norm, 1: min(0.01, loss / norm), 2: loss / (norm + 50.0)}[mode]
            right = w.setdefault(y, {})
            for i, v in x.items():
                right[i] = right.get(i, 0.0) + tau * v
                w[s][i] = w[s].get(i, 0.0) - tau * v
        w.setdefault(y, {})
        learner.learn_one(x, y)


def test_a_class_is_not_answered_before_it_was_learned() -> None:
    model = create("passive_aggressive_multiclass")
    x = {"a": 1.0}
    scored = model.run([x, x, x, x], [UNLABELLED, "red", UNLABELLED, "blue"])
    assert scored.predictions == [None, None, "red", "red"]
    assert scored.scores == [None, None, 1.0, 1.0]


def test_classes_keep_their_kind_through_a_snapshot() -> None:
    from learners.saved import snapshots

    model = create("passive_aggressive_multiclass")
    model.run([{"a": float(i)} for i in range(3)], ["red", 7, False])
    again, _ = snapshots.load(snapshots.dump(model, {}), model)
    assert again.estimator.state()["classes"] == ["red", 7, False]
    assert again.predict_one({"a": 0.0}) == model.predict_one({"a": 0.0})
