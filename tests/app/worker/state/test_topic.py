"""The state as it lies on its topic: what is written is what is read, whole or not at all."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from agents.state import MemoryStore
from app.worker.state.topic import CHUNK, Row, StateDamaged, StateLog, StateReader, entries


def applied(rows: Iterable[Row], before: dict[bytes, bytes] | None = None) -> dict[bytes, bytes]:
    """A compacted topic after ``rows``: the last value of each key, none for a tombstone."""
    raw = dict(before or {})
    for key, value in rows:
        if value is None:
            raw.pop(key, None)
        else:
            raw[key] = value
    return raw


def test_a_small_value_is_one_record() -> None:
    rows = StateLog().rows({"model": b"v" * CHUNK})
    assert len(rows) == 1
    assert entries(applied(rows)) == {"model": b"v" * CHUNK}


@pytest.mark.parametrize("size", [CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1])
def test_a_large_value_comes_back_whole_from_records_that_kafka_takes(size: int) -> None:
    value = random.Random(size).randbytes(size)
    rows = StateLog().rows({"model": value})
    assert max(len(v or b"") for _, v in rows) <= CHUNK
    assert entries(applied(rows)) == {"model": value}


def test_the_manifest_is_written_after_its_chunks() -> None:
    *chunks, (key, _) = StateLog().rows({"model": b"v" * (2 * CHUNK)})
    assert key == b"model"
    assert len(chunks) == 2


def test_values_that_grow_and_shrink_leave_no_chunk_behind() -> None:
    draw = random.Random(3)
    log, raw, value = StateLog(), dict[bytes, bytes](), b""
    for _ in range(60):
        value = draw.randbytes(draw.choice([0, 10, CHUNK, CHUNK + 1, 3 * CHUNK, 4 * CHUNK + 7]))
        raw = applied(log.rows({"model": value}), raw)
        assert entries(raw) == {"model": value}
        if draw.random() < 0.3:
            reader = StateReader(MemoryStore())  # as after a restore
            for row in raw.items():
                reader.apply(*row)
            reader.finish()
            log = StateLog(reader.chunks)
    chunks = -(-len(value) // CHUNK) if len(value) > CHUNK else 0
    assert len(raw) == 1 + chunks


def test_a_deleted_value_takes_its_chunks_along() -> None:
    log = StateLog()
    raw = applied(log.rows({"model": b"v" * (3 * CHUNK), "other": b"o"}))
    assert applied(log.rows({"model": None}), raw) == {b"other": b"vo"}


def test_a_chunk_that_lacks_is_told() -> None:
    raw = applied(StateLog().rows({"model": b"v" * (2 * CHUNK)}))
    del raw[b"model\x001"]
    with pytest.raises(StateDamaged, match=r"'model'.*chunk . of 2 is missing"):
        entries(raw)


def test_chunks_of_another_value_are_told() -> None:
    raw = applied(StateLog().rows({"model": b"v" * (2 * CHUNK)}))
    raw[b"model\x000"] = b"w" * CHUNK
    with pytest.raises(StateDamaged, match="digest"):
        entries(raw)


def test_a_record_of_an_unknown_kind_is_told() -> None:
    with pytest.raises(StateDamaged, match="unknown kind b'x'"):
        entries({b"model": b"xyz"})
