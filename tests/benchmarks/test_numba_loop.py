"""The expert's loop learns what River learns: else its rate would compare with nothing."""

import random
from typing import Any

import numpy as np
import pytest
from river import linear_model, preprocessing

from benchmarks.numba_loop import predict_and_learn


@pytest.mark.parametrize("scale", [False, True])
def test_its_scores_are_rivers(scale: bool) -> None:
    draw, names = random.Random(1), [f"feature_{i}" for i in range(5)]
    rows = np.array([[draw.gauss(3 * j, j + 1) for j in range(5)] for _ in range(400)])
    labels = np.array([1 if draw.random() < 0.4 else -1 for _ in rows], np.int8)
    model: Any = linear_model.PAClassifier(C=0.01)
    if scale:
        model = preprocessing.StandardScaler() | model
    expected = []
    for row, label in zip(rows.tolist(), labels.tolist(), strict=True):
        x = dict(zip(names, row, strict=True))
        expected.append(model.predict_proba_one(x)[True])
        model.learn_one(x, label == 1)
    state, scores = np.zeros((4, 6)), np.empty(len(rows))
    predict_and_learn(rows[:150], labels[:150], state, scale, scores[:150])
    predict_and_learn(rows[150:], labels[150:], state, scale, scores[150:])
    assert scores == pytest.approx(expected, rel=1e-9)
