"""The experiment with partitions that mix, on a small history with features of chance."""

from __future__ import annotations

import numpy as np

from app.fraud.handbook import Size, simulate
from app.fraud.protocol import split
from benchmarks.mixing import HOUR, Group, History, frozen_scores, live_steps, play
from learners.spec import LearnerSpec

NAMES = ("amount", "noise", "hint")
SPEC = LearnerSpec(
    "logistic_regression",
    {"optimizer": "ftrl", "learning_rate": 0.1},
    True,
    None,
    [{"type": "quantile_bins", "features": ["amount"]}],
)


def history() -> History:
    data = simulate(Size(cards=40, terminals=100, days=55))
    draw = np.random.default_rng(1)
    noise = draw.normal(size=(len(data), 2))
    matrix = np.column_stack([data.amount, noise[:, 0], noise[:, 1] + data.fraud])
    return History(data, NAMES, matrix, [split(data, 31)], SPEC, SPEC)


def test_labels_in_the_mixed_model_are_those_that_were_learned() -> None:
    made = history()
    (part,) = made.splits
    group = Group(SPEC, 4, 12 * HOUR)
    scores = frozen_scores(group, made, part)
    assert np.isfinite(scores[part.test.id]).all()
    assert group.counted == group.learned == len(part.train)
    assert len({model.fingerprint() for model in group.models}) == 1
    assert max(group.sizes) < 6 * 1024


def test_live_each_payment_is_scored_before_it_is_learned() -> None:
    made = history()
    steps = live_steps(made)
    group = Group(SPEC, 2, 24 * HOUR)
    scores = play(group, made, steps)
    asked = steps.ids[steps.asked]
    assert np.isfinite(scores[asked]).all()
    assert scores[asked[0]] == 0.5  # nothing was learned yet
    assert group.learned == len(steps.ids) - len(asked)
