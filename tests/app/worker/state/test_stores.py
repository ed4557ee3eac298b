"""Both stores are one and the same to a state; RocksDB leaves nothing behind on the disk."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from agents.state import Checksum, State
from agents.store import MemoryStore, Part, Store
from app.pipeline import checks
from app.pipeline.load import Pipeline, PipelineError
from app.worker.state.layout import RECORD, Row
from app.worker.state.log import StateLog
from app.worker.state.reader import StateReader
from app.worker.state.restore import Restored
from app.worker.state.rocks import RocksMemory, RocksStore
from app.worker.state.stores import StoreFolderRefused, Stores
from tests.app.support import EVENTS, STAGE, Opened, batch, model, pipeline

SMALL = RocksMemory(1 << 20, 1 << 20)


@pytest.fixture(params=["memory", "rocksdb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = MemoryStore() if request.param == "memory" else RocksStore(tmp_path / "db", SMALL)
    yield made
    made.close()


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


def test_a_restore_into_rocksdb_holds_no_values_in_memory(tmp_path: Path) -> None:
    state, value = State(), bytes(1000)
    log, rows = StateLog(state.store), list[Row]()
    for i in range(30_000):
        state.put(f"row/{i}", value)
        if i % 100 == 99:
            rows += log.rows(state.changes())
    store = RocksStore(tmp_path / "db", SMALL)
    reader = StateReader(store)
    tracemalloc.start()
    for row in rows:
        reader.apply(*row)
    reader.finish()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert store.get("row/0") == value
    assert len(store) == 30_000
    assert peak < 5_000_000  # of 30,000,000
    store.close()


def with_rocksdb(folder: Path) -> Pipeline:
    extra = f'[state]\nstore = "rocksdb"\nfolder = "{folder / "states"}"\n'
    return pipeline(folder, extra=extra)


def folders(folder: Path) -> list[str]:
    """The folders of workers."""
    return [path.name for path in (folder / "states" / "p").glob("worker-*")]


def test_in_memory_there_are_no_folders(tmp_path: Path) -> None:
    stores = Stores(pipeline(tmp_path))
    assert isinstance(stores.new("p.state.v1", 0), MemoryStore)
    stores.close()
    assert [path.name for path in tmp_path.iterdir()] == ["p.toml"]


def test_every_store_begins_empty_and_its_folder_goes_with_it(tmp_path: Path) -> None:
    stores = Stores(with_rocksdb(tmp_path))
    first, second = (stores.new("p.state.v1", 3) for _ in range(2))
    first["a"] = b"1"
    assert second.get("a") is None
    (mine,) = (tmp_path / "states" / "p").glob("worker-*")
    assert len([path for path in mine.iterdir() if path.is_dir()]) == 2
    assert mine.stat().st_mode & 0o077 == 0
    first.close()
    first.close()
    assert len([path for path in mine.iterdir() if path.is_dir()]) == 1
    stores.close()
    stores.close()
    assert folders(tmp_path) == []


KILLED = """
import sys, time
from app.pipeline.load import load_pipeline
from app.worker.state.stores import Stores
store = Stores(load_pipeline(sys.argv[1])).new("p.state.v1", 0)
store["a"] = b"1"
list(store)
print("ready", flush=True)
time.sleep(20)
"""


def test_what_a_killed_worker_left_goes_at_the_next_start_and_a_living_ones_stays(
    tmp_path: Path,
) -> None:
    said = with_rocksdb(tmp_path)
    alive = Stores(said)
    kept = folders(tmp_path)
    foreign = tmp_path / "states" / "p" / "worker-of-somebody"
    foreign.mkdir()
    command = [sys.executable, "-c", KILLED, str(tmp_path / "p.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        assert len(folders(tmp_path)) == 3
        beside = Stores(said)
        assert len(folders(tmp_path)) == 4
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
    beside.close()
    assert len(folders(tmp_path)) == 3
    after = Stores(said)
    assert set(kept) < set(folders(tmp_path))
    assert len(folders(tmp_path)) == 3
    after.close()
    alive.close()
    assert folders(tmp_path) == [foreign.name]


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "states").write_text("a file")
    with pytest.raises(StoreFolderRefused, match=r"^state\.folder: .*states: "):
        Stores(with_rocksdb(tmp_path))


def test_a_lock_that_cannot_be_opened_is_told_as_the_state_folders(tmp_path: Path) -> None:
    said = with_rocksdb(tmp_path)
    (tmp_path / "states" / said.name / "lock").mkdir(parents=True)
    with pytest.raises(StoreFolderRefused, match=r"^state\.folder: .*states: Is a directory"):
        Stores(said)


def test_without_a_folder_it_is_a_temporary_one_of_this_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    stores = Stores(pipeline(tmp_path, extra='[state]\nstore = "rocksdb"\n'))
    (mine,) = (tmp_path / f"riverrun-{os.getuid()}" / "p").glob("worker-*")
    stores.close()
    assert not mine.exists()


def test_a_temporary_folder_that_somebody_else_prepared_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / f"riverrun-{os.getuid()}").symlink_to(tmp_path)
    with pytest.raises(StoreFolderRefused, match="another user's"):
        Stores(pipeline(tmp_path, extra='[state]\nstore = "rocksdb"\n'))


def test_tasks_that_are_forgotten_leave_no_folder(tmp_path: Path) -> None:
    said = with_rocksdb(tmp_path)
    made = Opened(said)
    fresh = (RocksStore(tmp_path / f"db{n}", SMALL) for n in count())
    for _ in range(2):
        made.open({(STAGE, 0): Restored(next(fresh), {EVENTS: None})})
        assert made.process(batch())
        (task,) = made.tasks.values()
        change = task.take()
        assert model(task).learned == 3
        assert {key for key, _ in change.state} == {b"model", b"position"}
    assert [path.name for path in tmp_path.glob("db*")] == ["db1"]
    made.assignment.drop()
    assert list(tmp_path.glob("db*")) == []


def test_rocksdb_is_refused_at_once_where_it_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "find_spec", lambda _: None)
    pipeline(tmp_path)
    with pytest.raises(PipelineError, match=r'state\.store = "rocksdb": needs a package that is'):
        with_rocksdb(tmp_path)


def test_a_folder_is_for_rocksdb_only(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r'state\.folder.*needs state\.store = "rocksdb"'):
        pipeline(tmp_path, extra='[state]\nfolder = "states"\n')
