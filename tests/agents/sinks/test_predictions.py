"""Predictions encoded many at once are those encoded one by one."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from agents.operations import Operations
from agents.records import StoredRecord
from agents.sinks.predictions import PredictionEncoder
from agents.sinks.scored import ScoredBatch
from learners.engine import kernels
from topics.codecs import Codec
from topics.records import ModelVersion, Prediction, Reason, Source

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


THRESHOLDS: list[Any] = [None, 0.25]
REASONS: list[tuple[Reason, ...]] = [
    (),
    (Reason("amount", 2.5),),
    (Reason('night"', -0.1), Reason("amount", 1e-300)),
]
SOURCES = [("topic.v1", 300), None]


def drawn(count: int, draw: random.Random, origin: tuple[str, int] | None) -> ScoredBatch:
    few = PREDICTIONS[: 10 if count < 1_000 else 8]

    def some(values: list[Any], n: int = count) -> list[Any]:
        return [draw.choice(values) for _ in range(n)]

    records = [
        StoredRecord(
            Source("topic.v1", 300 if origin else draw.randrange(9), draw.getrandbits(40)),
            None, None, 0,
        )
        for _ in range(count)
    ]  # fmt: skip
    operations = Operations.of_events(some(IDS), [], records, np.zeros(count, np.int64))
    operations.origin = origin
    at = np.array(sorted(draw.sample(range(count), count * 3 // 4)), np.int64)
    shown = len(at)
    versions = [draw.getrandbits(40) for _ in range(shown)]
    return ScoredBatch(operations, at, some(few, shown), some(SCORES, shown), versions)


def one_by_one(scored: ScoredBatch, codec: Codec, *, baselines: bool) -> list[bytes]:
    """The reference: an object for each."""
    values = []
    for j, at in enumerate(scored.at.tolist()):
        said = {name: column[j] for name, column in (scored.baselines or {}).items()}
        values.append(
            codec.encode(
                Prediction(
                    scored.operations.ids[at],
                    scored.predictions[j],
                    scored.scores[j],
                    ModelVersion("name", scored.versions[j]),
                    Source.of(scored.operations.records[at]),
                    scored.decisions[j] if scored.decisions else None,
                    scored.thresholds[j] if scored.thresholds else None,
                    scored.reasons[j] if scored.reasons else None,
                    said if baselines and scored.baselines is not None else None,
                )
            )
        )
    return values


@compiled
@pytest.mark.parametrize("origin", SOURCES)
@pytest.mark.parametrize("count", [0, 1, 15, 20, 3_000, 70_000])
@pytest.mark.parametrize("format_", ["json", "msgpack"])
def test_they_are_equal(format_: str, count: int, origin: tuple[str, int] | None) -> None:
    codec, scored = Codec(format_), drawn(count, random.Random(count), origin)
    expected = one_by_one(scored, codec, baselines=False)
    assert PredictionEncoder(codec, "name").encode(scored) == expected


@pytest.mark.parametrize("plain", [False, True], ids=["compiled", "not compiled"])
@pytest.mark.parametrize("baselines", [False, True])
@pytest.mark.parametrize("decided", [False, True])
@pytest.mark.parametrize("reasons", [[], REASONS[:1], REASONS[1:2], REASONS])
@pytest.mark.parametrize("format_", ["json", "msgpack"])
def test_they_have_what_is_known_of_each(
    format_: str,
    reasons: list[tuple[Reason, ...]],
    decided: bool,
    baselines: bool,
    plain: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if plain:
        monkeypatch.setattr(kernels, "njit", None)
    draw, codec = random.Random(3), Codec(format_)
    scored = drawn(200, draw, None)
    scored.reasons = [draw.choice(reasons) for _ in range(150)] if reasons else []
    if decided:
        scored.decisions = [draw.choice(["alert", "pass"]) for _ in range(150)]
        scored.thresholds = [draw.choice(THRESHOLDS) for _ in range(150)]
    if baselines:
        scored.baselines = {
            "frozen": [0.5] * 150,
            "rule": [draw.choice(SCORES) for _ in range(150)],
        }
    expected = one_by_one(scored, codec, baselines=baselines)
    assert PredictionEncoder(codec, "name", baselines=baselines).encode(scored) == expected
