"""Outputs that are there already are left out; all others are written."""

from __future__ import annotations

from pathlib import Path

from agents.outputs import Outputs
from app.worker.output.published import Published, sources
from tests.app.support import EVENTS, pipeline, record
from topics.codecs import Codec
from topics.dead_letters import dead_letter
from topics.records import ModelVersion, Prediction, Source


def prediction(offset: int, name: str = "p") -> tuple[bytes, bytes]:
    said = Prediction(offset, True, 1.0, ModelVersion(name, 0), Source(EVENTS, 0, offset))
    return b"k", Codec("json").encode(said)


def published(folder: Path) -> Published:
    ranges = {"said": [[3, 5]], "p.dead-letters.v1": [[4, 5]]}
    return Published(ranges, sources(pipeline(folder)), "said", EVENTS)


def test_only_what_is_there_is_left_out(tmp_path: Path) -> None:
    letters = [
        dead_letter("p.dead-letters.v1", record(offset, {}), "decode", ValueError("bad"))
        for offset in (3, 4)
    ]
    given = Outputs([prediction(offset) for offset in range(2, 7)], letters)
    left = published(tmp_path).without(given)
    assert left.predictions == [prediction(offset) for offset in (2, 5, 6)]
    assert left.dead_letters == letters[:1]


def test_what_lies_behind_is_forgotten(tmp_path: Path) -> None:
    made = published(tmp_path)
    assert made.ranges({EVENTS: 4}) == {"said": [(3, 5)], "p.dead-letters.v1": [(4, 5)]}
    assert made.ranges({EVENTS: 5}) == {}
    given = Outputs([prediction(3)])
    assert made.without(given) is given
