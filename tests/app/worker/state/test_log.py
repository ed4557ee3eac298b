"""A log over a base is the state that was written, whatever compaction has left of it."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest

from agents.entries import HASHES
from agents.state_keys import ENTITY
from agents.store import MemoryStore
from app.worker.state import log as module
from app.worker.state.flaws import StateDamaged
from app.worker.state.layout import MODEL, POSITION, Row, chunk_key, log_key, piece_key
from app.worker.state.log import OVERHEAD, StateLog
from app.worker.state.reader import StateReader, entries
from tests.app.worker.state.compacted import Compacted, Owner, plain, restored

RECORD, FLOOR, LARGE, ROW = 2_000, 6_000, 400, 161
"""Bytes: small ones, so that a few transactions show what a month does."""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("RECORD", RECORD), ("FLOOR", FLOOR), ("LARGE", LARGE)):
        monkeypatch.setattr(module, name, value)


def value_of(draw: random.Random) -> bytes:
    """Few are large, and fewer have chunks."""
    return draw.randbytes(
        draw.choice([0, 1, 60, 60, 60, 60, LARGE + 1 if draw.random() < 0.2 else 9])
    )


def changed(owner: Owner, copy: dict[str, bytes], draw: random.Random, growth: float) -> None:
    """Some entries come, change or go."""
    for _ in range(draw.randrange(12)):
        key = f"k/{draw.randrange(300)}"
        if draw.random() < growth:
            copy[key] = value_of(draw)
            owner.state.put(key, copy[key])
        else:
            copy.pop(key, None)
            owner.state.delete(key)
    if draw.random() < 0.05:
        copy["k/large"] = draw.randbytes(draw.choice([1, LARGE + 1, RECORD + 1, 3 * RECORD + 7]))
        owner.state.put("k/large", copy["k/large"])
    if draw.random() < 0.2:
        copy[MODEL] = owner.model = draw.randbytes(draw.choice([50, LARGE * 2, 2 * RECORD + 1]))


def changed_rows(owner: Owner, copy: dict[str, bytes], draw: random.Random) -> None:
    """Some rows of a table come, change a little or as a whole, or go."""
    table, chosen = owner.state.table(ENTITY), dict[str, bytes]()
    for _ in range(draw.randrange(12)):
        key = f"{ENTITY}0/{draw.randrange(40)}"
        row = bytearray(chosen.get(key) or copy.get(key, b"")).ljust(ROW, b"0")
        for _ in range(draw.randrange(4)):
            row[draw.randrange(ROW)] = draw.randrange(256)
        chosen[key] = bytes(row) if draw.random() < 0.9 else draw.randbytes(ROW)
    copy |= chosen
    table.put(
        list(chosen), np.frombuffer(bytearray().join(chosen.values()), np.uint8).reshape(-1, ROW)
    )
    for key in chosen:
        if draw.random() < 0.05:  # changed once more in the same transaction
            copy[key] = draw.randbytes(draw.choice([ROW, 7]))
            owner.state.put(key, copy[key])
        elif draw.random() < 0.05:
            del copy[key]
            owner.state.delete(key)


@pytest.mark.parametrize(("seed", "finest"), [(0, 16), (1, 16), (2, 1), (3, 0)])
def test_the_state_comes_back_after_any_transaction_compaction_and_crash(
    seed: int, finest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held against a dict; a standby and one that begins late follow all the time."""
    monkeypatch.setattr(module, "FINEST", finest)
    draw = random.Random(seed)
    topic, copy = Compacted(draw), dict[str, bytes]()
    owner, standby = Owner(topic), StateReader(MemoryStore())
    for number in range(1_500):
        before, model = dict(copy), owner.model
        growth = 0.75 if number % 600 < 400 else 0.3
        changed(owner, copy, draw, growth)
        changed_rows(owner, copy, draw)
        rows = owner.rows()
        if draw.random() < 0.05:  # a crash: nothing of it is ever seen
            copy, owner = before, Owner(topic)
            assert owner.model == model
            continue
        assert all(len(value) <= RECORD + 1 for _, value in rows if value is not None)
        topic.write(rows)
        if draw.random() < 0.2:
            topic.compact(draw.random(), standby.next_offset)
        if draw.random() < 0.1:
            owner = Owner(topic)
        if draw.random() < 0.3:
            standby, found = restored(topic, standby)
            assert (plain(standby), found.flaws) == (copy, ())
        if draw.random() < 0.1:
            reader, found = restored(topic)
            assert (plain(reader), found.flaws) == (copy, ())
            assert reader.inventory.extent == owner.log.extent
    assert owner.log.extent.swept > 5 * HASHES
    assert owner.log.extent.first > 100


def test_what_a_worker_gives_back_is_followed_from_where_it_stands() -> None:
    draw = random.Random(11)
    topic, copy = Compacted(draw), dict[str, bytes]()
    owner = Owner(topic)
    for _ in range(40):
        for _ in range(20):
            changed(owner, copy, draw, 0.6)
            topic.write(owner.rows())
        store = MemoryStore(dict(copy))
        follower = StateReader(store)
        end = max(topic.records) + 1
        follower.go_on(end, owner.log.inventory, owner.state.checksum)
        owner = Owner(topic)
        changed(owner, copy, draw, 0.6)
        topic.write(owner.rows())
        topic.compact(0.5, end)
        follower, found = restored(topic, follower)
        assert (plain(follower), found.flaws) == (copy, ())


def sizes(rows: list[Row]) -> Iterator[int]:
    return (len(value) + OVERHEAD for _, value in rows if value is not None)


@pytest.mark.parametrize("restarts", [0.0, 0.05])
def test_log_base_and_each_commit_stay_as_small_as_they_should(restarts: float) -> None:
    """The bounds that ``StateLog`` and docs/how-it-works.md name."""
    draw = random.Random(5)
    topic, copy = Compacted(draw), dict[str, bytes]()
    owner, most = Owner(topic), 0
    for number in range(3_000):
        for _ in range(10):
            key = f"k/{draw.randrange(1_000)}"
            if draw.random() < (0.8 if number < 2_000 else 0.1):
                copy[key] = draw.randbytes(50)
                owner.state.put(key, copy[key])
            else:
                copy.pop(key, None)
                owner.state.delete(key)
        rows = owner.rows()
        logged = sum(sizes([row for row in rows if row[0].startswith(b"log/")]))
        base = sum(sizes([row for row in rows if row[0].startswith(b"base/")]))
        assert base <= logged + RECORD + OVERHEAD
        assert all(len(value) <= RECORD for _, value in rows if value is not None)
        topic.write(rows)
        topic.compact(1.0)
        alive = topic.alive()
        pieces = sum(sizes([row for row in alive.items() if row[0].startswith(b"base/")]))
        logs = sum(sizes([row for row in alive.items() if row[0].startswith(b"log/")]))
        most = max(most, pieces)
        assert logs <= max(FLOOR, most) + 2 * (RECORD + OVERHEAD)
        if draw.random() < restarts:
            owner = Owner(topic)
    assert most > 20 * RECORD
    live = sum(len(key) + len(value) + 4 for key, value in copy.items())
    assert live < most / 3
    assert pieces <= 2 * live + 20 * OVERHEAD
    assert owner.log.extent.pieces <= 4 + 5 * live / RECORD
    assert logs <= FLOOR + pieces + 2 * RECORD


def test_a_state_that_is_small_writes_its_log_alone() -> None:
    owner = Owner(Compacted(random.Random(1)))
    keys = set[bytes]()
    for number in range(30):
        owner.state.put("k", b"%d" % number)
        keys.update(key for key, _ in owner.rows())
    assert keys == {*(log_key(n).encode() for n in range(30)), POSITION.encode()}


def test_what_changed_in_a_transaction_is_one_record_and_the_position() -> None:
    owner = Owner(Compacted(random.Random(1)))
    for number in range(20):
        owner.state.put(f"k/{number}", b"v")
    assert [key for key, _ in owner.rows()] == [b"log/0", b"position"]
    assert [key for key, _ in owner.rows()] == [b"position"]


def test_changes_that_do_not_fit_a_record_are_several() -> None:
    made = {f"k/{i}": bytes(100) for i in range(100)}
    rows = StateLog(MemoryStore(made)).rows(made)
    assert len(rows) > 5
    assert max(sizes(rows)) <= RECORD + OVERHEAD
    assert entries(rows) == made


@pytest.mark.parametrize("size", [LARGE + 1, RECORD + 1, 2 * RECORD, 2 * RECORD + 1])
def test_a_large_value_has_records_of_its_own_that_kafka_takes(size: int) -> None:
    value = random.Random(size).randbytes(size)
    rows = StateLog(MemoryStore()).rows({"a": value, "b": b"small"})
    large = [key for key, _ in rows if key.startswith(b"large/a")]
    assert len(large) == (1 if size <= RECORD else 1 + -(-size // RECORD))
    assert max(len(v or b"") for _, v in rows) <= RECORD + 1
    assert entries(rows) == {"a": value, "b": b"small"}


def test_a_value_that_grows_and_shrinks_leaves_nothing_behind() -> None:
    draw = random.Random(3)
    topic = Compacted(draw)
    owner = Owner(topic)
    for _ in range(200):
        size = draw.choice([None, 0, 10, LARGE, LARGE + 1, RECORD + 1, 4 * RECORD + 7])
        value = None if size is None else draw.randbytes(size)
        if value is None:
            owner.state.delete("a")
        else:
            owner.state.put("a", value)
        owner.state.put("b", value_of(draw))
        topic.write(owner.rows())
        if draw.random() < 0.3:
            topic.compact(draw.random())
            owner = Owner(topic)
        assert plain(restored(topic)[0]).get("a") == value
    topic.compact(1.0)
    kept = {key for key in topic.alive() if key.startswith(b"large/a")}
    chunks = 0 if value is None or len(value) <= RECORD else -(-len(value) // RECORD)
    assert len(kept) == (chunks + 1 if value is not None and len(value) > LARGE else 0)


def damaged(rows: list[Row]) -> str:
    with pytest.raises(StateDamaged) as error:
        entries(rows)
    return str(error.value)


LARGE_ROWS = 2 * RECORD + 1


def test_a_chunk_that_is_missing_or_of_another_value_is_named() -> None:
    rows = StateLog(MemoryStore()).rows({"a": b"v" * LARGE_ROWS})
    gone = [row for row in rows if row[0] != chunk_key("a", 1).encode()]
    assert "@3: 'large/a': chunk 1 of 3 is missing" not in damaged(gone)
    assert "'large/a': chunk 1 of 3 is missing" in damaged(gone)
    other = [(key, b"w" * RECORD if key == chunk_key("a", 0).encode() else v) for key, v in rows]
    assert "'large/a': its chunks do not have the digest" in damaged(other)


@pytest.mark.parametrize("flip", [0, 1, 4, 5, -1])
@pytest.mark.parametrize("key", ["log/0", "base/0/0"])
def test_a_record_with_a_bit_that_changed_is_named(key: str, flip: int) -> None:
    store = MemoryStore({"a": b"1"})
    log = StateLog(store)
    rows = dict([*log.rows({"a": b"1"}), *log.base()])
    value = bytearray(rows[key.encode()] or b"")
    value[flip] ^= 1
    rows[key.encode()] = bytes(value)
    assert repr(key) in damaged(list(rows.items()))


def test_a_record_under_the_key_of_another_is_named() -> None:
    log = StateLog(MemoryStore())
    (_, first), (key, _) = log.rows({"a": b"1"}) + log.rows({"a": b"2"})
    assert "'log/1'" in damaged([(key, first)])


@pytest.mark.parametrize("key", ["log/x", "base/1/2", "base/33/0", "other", "label/1"])
def test_a_key_that_no_worker_writes_is_named(key: str) -> None:
    assert f"{key!r}: no worker writes such a key" in damaged([(key.encode(), b"vx")])
    assert entries([(key.encode(), b"vx"), (key.encode(), None)]) == {}


def test_a_record_of_log_or_base_that_is_gone_is_missed() -> None:
    draw = random.Random(2)
    topic = Compacted(draw)
    owner = Owner(topic)
    for _ in range(300):
        for _ in range(5):
            owner.state.put(f"k/{draw.randrange(200)}", draw.randbytes(50))
        topic.write(owner.rows())
    topic.compact(1.0)
    log = log_key(owner.log.extent.end - 3)
    piece = piece_key(next(iter(owner.log.inventory.pieces)))
    for name, said in ((log, f"'{log}': it is missing"), (piece, "records of the base are there")):
        less = Compacted(draw)
        less.records = {at: row for at, row in topic.records.items() if row[0] != name.encode()}
        _, found = restored(less)
        assert said in "; ".join(flaw.at("t[0]") for flaw in found.flaws)
