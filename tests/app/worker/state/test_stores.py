"""A store is a dict to a state, in memory and on disk, and leaves nothing behind there."""

from __future__ import annotations

import errno
import os
import random
import tracemalloc
from pathlib import Path

import pytest

from agents.entries import Part
from agents.state import Checksum, State
from agents.store import MemoryStore, Store
from app.pipeline.load import Pipeline, PipelineError
from app.worker.state.layout import RECORD, Row
from app.worker.state.log import StateLog
from app.worker.state.reader import StateReader
from app.worker.state.stores import StoreFolderRefused, Stores
from tests.app.support import pipeline


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore(folder=None if request.param == "memory" else tmp_path)


def key_of(draw: random.Random) -> str:
    return draw.choice(["row/", "label/", "café/", ""]) + str(draw.randrange(900))


def value_of(draw: random.Random) -> bytes:
    return draw.randbytes(draw.choice([0, 1, 120, 120, 120, 70_000 if draw.random() < 0.05 else 9]))


def test_any_operations_give_what_a_dict_gives(store: Store) -> None:
    draw, state, plain = random.Random(7), State(store), dict[str, bytes]()
    changed = dict[str, bytes | None]()
    for _ in range(30_000):
        key, what = key_of(draw), draw.random()
        if what < 0.4:
            plain[key] = changed[key] = value_of(draw)
            state.put(key, plain[key])
        elif what < 0.7:
            if plain.pop(key, None) is not None:
                changed[key] = None
            state.delete(key)
        elif what < 0.999:
            assert state.get(key) == plain.get(key)
        else:
            prefix = draw.choice(["row/", "row/1", "café/", "", "no"])
            begins = {k: v for k, v in plain.items() if k.startswith(prefix)}
            assert dict(state.items(prefix)) == begins
            assert state.changes() == changed
            changed = {}
    assert sorted(state) == sorted(plain)
    assert len(state) == len(plain)


def test_parts_are_divided_united_and_replaced_as_those_of_a_dict(store: Store) -> None:
    draw, plain = random.Random(8), dict[str, bytes]()
    for _ in range(300):
        for _ in range(10):
            key = key_of(draw)
            plain[key] = store[key] = value_of(draw)
        bits = draw.randrange(7)
        part = Part(bits, draw.randrange(1 << bits))
        mine = {key: value for key, value in plain.items() if part.has(key)}
        assert store.part(part) == mine
        if draw.random() < 0.3:
            new = dict.fromkeys(draw.sample(sorted(mine), len(mine) // 2), b"new")
            store.replace(part, new)
            plain = {key: value for key, value in plain.items() if key not in mine} | new
        assert store.get(key) == plain.get(key)
        begins = {key: value for key, value in plain.items() if key.startswith("row/1")}
        assert dict(store.beginning("row/1")) == begins
    assert sorted(store) == sorted(plain)
    assert len(store) == len(plain)


def rows_of(seed: int) -> tuple[list[Row], dict[str, bytes]]:
    """The records of many changes, as they lie on a topic that was never compacted."""
    draw, state = random.Random(seed), State()
    log = StateLog(state.store)
    rows: list[Row] = []
    for _ in range(40):
        for _ in range(300):
            key = key_of(draw)
            if draw.random() < 0.3:
                state.delete(key)
            else:
                state.put(key, value_of(draw))
        state.put("large", draw.randbytes(draw.choice([RECORD, RECORD + 1, 3 * RECORD])))
        rows += log.rows(state.changes())
    if seed == 0:
        state.put("large", b"small")
    elif seed == 1:
        state.delete("large")
    rows += log.rows(state.changes())
    assert log.extent.swept
    return rows, {key: state.get(key) or b"" for key in state}


@pytest.mark.parametrize("seed", range(3))
def test_a_restore_gives_the_state_that_was_written(
    store: Store, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.worker.state.log.FLOOR", 100_000)
    rows, expected = rows_of(seed)
    reader = StateReader(store)
    for key, value in rows:
        reader.apply(key, value)
    reader.finish()
    assert {key: store.get(key) for key in store} == expected
    assert reader.checksum == Checksum.of(expected.items())


def test_the_values_of_a_table_on_disk_are_not_in_memory(tmp_path: Path) -> None:
    store, value = MemoryStore(folder=tmp_path), bytes(1000)
    tracemalloc.start()
    store.update({f"row/{i}": value for i in range(30_000)})
    mapped = mapped_files()
    left = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert store.get("row/0") == value
    assert len(store) == 30_000
    assert left < 5_000_000  # of 30,000,000
    assert mapped > 30_000_000
    assert list(tmp_path.iterdir()) == []


def mapped_files() -> int:
    """Bytes of files without a name that this process has mapped."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    ranges = [line.split()[0].split("-") for line in lines if line.endswith("(deleted)")]
    return sum(int(end, 16) - int(start, 16) for start, end in ranges)


def on_disk(folder: Path) -> Pipeline:
    extra = f'[state]\nstore = "disk"\nfolder = "{folder / "states"}"\n'
    return pipeline(folder, extra=extra)


def test_nothing_is_left_in_the_folder_whatever_happens(tmp_path: Path) -> None:
    store = Stores(on_disk(tmp_path)).new()
    store.update({f"row/{i}": b"v" for i in range(1_000)})
    assert list((tmp_path / "states").iterdir()) == []


def test_a_full_disk_is_an_error_before_anything_is_written_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    store = MemoryStore(folder=tmp_path)
    store["row/1"] = b"v"
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        store["row/2"] = bytes(100_000)
    assert dict(store.beginning("")) == {"row/1": b"v"}


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "states").write_text("a file")
    with pytest.raises(StoreFolderRefused, match=r"^state\.folder: .*states: "):
        Stores(on_disk(tmp_path))


def test_a_folder_is_for_a_disk_only(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r'state\.folder.*needs state\.store = "disk"'):
        pipeline(tmp_path, extra='[state]\nfolder = "states"\n')
