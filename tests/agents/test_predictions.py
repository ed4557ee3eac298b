"""Predictions encoded many at once are those encoded one by one."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from agents.predictions import PredictionEncoder, ScoredEvents
from learners.engine import kernels
from topics.codecs import Codec
from topics.records import ModelVersion, Prediction, Source

compiled = pytest.mark.skipif(kernels.njit is None, reason="Numba is not installed")

IDS: list[Any] = ["e", "", "ü", 'quote"', "line\nfeed", "x" * 300, 0, -1, 2**63, 127, 128, None]
PREDICTIONS: list[Any] = [
    True,
    False,
    None,
    3,
    -200,
    1.5,
    "a class",
    "x" * 40,
    70_000,
    "é" * 20_000,
]
SCORES: list[Any] = [None, 0.0, -0.0, 0.1, 1e300, 5e-324, math.nan, math.inf, 1.0]


@compiled
@pytest.mark.parametrize("count", [0, 1, 15, 16, 3_000, 70_000])
@pytest.mark.parametrize("format_", ["json", "msgpack"])
def test_they_are_equal(format_: str, count: int) -> None:
    draw, codec = random.Random(count), Codec(format_)
    few = PREDICTIONS[: 10 if count < 1_000 else 8]
    said = ScoredEvents(
        range(count),
        [draw.choice(IDS) for _ in range(count)],
        [draw.choice(few) for _ in range(count)],
        [draw.choice(SCORES) for _ in range(count)],
        [draw.getrandbits(40) for _ in range(count)],
    )
    offsets = [draw.getrandbits(draw.randrange(1, 63)) for _ in range(count)]
    encoder = PredictionEncoder(codec, "name", "topic.v1", 300)
    expected = [
        codec.encode(Prediction(i, p, s, ModelVersion("name", v), Source("topic.v1", 300, o)))
        for i, p, s, v, o in zip(
            said.ids, said.predictions, said.scores, said.versions, offsets, strict=True
        )
    ]
    assert encoder.encode(said, offsets) == expected
