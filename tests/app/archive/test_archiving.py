"""Models go to a folder as they are, once, and the newest come back or are refused by name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.archive import archiving, restoring, schedule
from app.archive.names import archived
from app.archive.restoring import ArchiveRefused, newest, read
from app.errors import RiverrunError
from app.files import FilesAway, open_folder
from app.files.local import draft_of
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from learners import registry
from learners.saved import snapshots
from tests.app import pipeline_files

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TOPIC = "p.events.v1"


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return pipeline_files.read(tmp_path, pipeline_files.SMALLEST)


def snapshot(learned: int, offset: int, type_: str = "passive_aggressive") -> bytes:
    model = registry.create(type_, {})
    for i in range(learned):
        model.learn_one({"x": i % 3}, i % 2 == 0)
    return snapshots.dump(model, {TOPIC: offset})


def archive(
    monkeypatch: pytest.MonkeyPatch,
    pipeline: Pipeline,
    folder: Path,
    models: Mapping[int, bytes],
    **options: Any,
) -> list[archiving.Copied]:
    """What the state topic holds is given; all else is real."""
    monkeypatch.setattr(archiving, "models", lambda *_: models)
    reader: Any = None
    return archiving.archive(pipeline, reader, open_folder(str(folder)), **options)


def test_a_model_is_copied_as_it_is_and_only_where_it_has_changed(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline, tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    one, two, later = snapshot(3, 10), snapshot(4, 20), snapshot(5, 30)
    first = archive(monkeypatch, pipeline, folder, {0: one, 1: two}, now=NOON)
    assert [(c.file.partition, c.file.offset, c.learned, c.new) for c in first] == [
        (0, 10, 3, True),
        (1, 20, 4, True),
    ]
    second = archive(monkeypatch, pipeline, folder, {0: later, 1: two}, now=NOON + HOUR)
    assert [(c.file.offset, c.new) for c in second] == [(30, True), (20, False)]
    found = {path.read_bytes() for path in folder.rglob("*.riverrun")}
    assert found == {one, two, later}


def test_the_newest_stay(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline, tmp_path: Path
) -> None:
    (tmp_path / "p" / "00000").mkdir(parents=True)
    (tmp_path / "p" / "00000" / "mine.txt").write_text("not ours")
    for n in range(5):
        models = {0: snapshot(n, n)}
        archive(monkeypatch, pipeline, tmp_path, models, keep=2, now=NOON + n * HOUR)
    names = open_folder(str(tmp_path)).names("p")
    assert [file.offset for file in archived(names)] == [3, 4]
    assert "p/00000/mine.txt" in names


def test_what_a_killed_archiver_left_is_deleted_a_day_later(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline, tmp_path: Path
) -> None:
    (done,) = archive(monkeypatch, pipeline, tmp_path, {0: snapshot(1, 1)}, now=NOON)
    left, other = tmp_path / draft_of(done.file.name), tmp_path / "p" / "00000" / ".mine"
    left.write_bytes(b"half")
    other.write_bytes(b"not ours")
    for hours, there in ((24, True), (25, False)):
        archive(monkeypatch, pipeline, tmp_path, {0: snapshot(2, 2)}, now=NOON + hours * HOUR)
        assert left.exists() == there
        assert other.exists()
    assert (tmp_path / done.file.name).exists()


def test_two_archives_of_one_second_write_one_file(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline, tmp_path: Path
) -> None:
    folder = open_folder(str(tmp_path))
    (done,) = archive(monkeypatch, pipeline, tmp_path, {0: snapshot(1, 1)}, now=NOON)
    monkeypatch.setattr(type(folder), "names", lambda *_: [])  # it looked before the other wrote
    (again,) = archive(monkeypatch, pipeline, tmp_path, {0: snapshot(1, 1)}, now=NOON)
    assert (again.file, again.new) == (done.file, False)


def test_the_newest_of_a_time_is_chosen(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline, tmp_path: Path
) -> None:
    for n in range(3):
        models = {0: snapshot(n + 1, n), 1: snapshot(9, 9)}
        archive(monkeypatch, pipeline, tmp_path, models, now=NOON + n * HOUR)
    folder = open_folder(str(tmp_path))
    chosen = newest(folder, "p", NOON + 1.5 * HOUR)
    assert {p: file.offset for p, file in chosen.items()} == {0: 1, 1: 9}
    assert newest(folder, "p", None)[0].offset == 2
    with pytest.raises(ArchiveRefused, match=r"no archived model of p of 2026-11-28 11:59"):
        newest(folder, "p", NOON - timedelta(seconds=1))
    with pytest.raises(ArchiveRefused, match="no archived model of other"):
        newest(folder, "other", None)


def test_a_damaged_model_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline, tmp_path: Path
) -> None:
    (done,) = archive(monkeypatch, pipeline, tmp_path, {0: snapshot(2, 2)}, now=NOON)
    path = tmp_path / done.file.name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArchiveRefused, match=rf"{done.file.name} is damaged"):
        read(open_folder(str(tmp_path)), done.file)


def test_the_model_of_another_learner_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline, tmp_path: Path
) -> None:
    models = {0: snapshot(2, 2, "arow")}
    (done,) = archive(monkeypatch, pipeline, tmp_path, models, now=NOON)
    folder = open_folder(str(tmp_path))
    with pytest.raises(ArchiveRefused, match=rf"{done.file.name}: .*type 'arow' instead"):
        restoring.restore(pipeline, KafkaSettings("127.0.0.1:9"), folder, "p")


WRITER = """
import sys
from app.files import open_folder
print("ready", flush=True)
folder = open_folder(sys.argv[1])
for n in range(1_000_000):
    folder.write(f"p/00000/20261128T1200{n % 60:02d}Z-{n:013d}-{'0' * 64}.riverrun", b"x" * 2**20)
"""


def test_a_kill_leaves_no_half_file_that_anyone_takes(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, cwd=Path.cwd()
    )
    assert writer.stdout is not None
    with writer.stdout as said:
        said.readline()
        while not archived(open_folder(str(tmp_path)).names("p")):
            pass
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
    for file in archived(open_folder(str(tmp_path)).names("p")):
        assert (tmp_path / file.name).stat().st_size == 2**20


def test_a_store_that_is_away_is_told_and_tried_again(capsys: pytest.CaptureFixture[str]) -> None:
    stop, calls = threading.Event(), []

    def work() -> None:
        calls.append(1)
        if len(calls) == 3:
            stop.set()
            return
        raise FilesAway("s3://models: no answer")

    schedule.repeat(work, 0.01, stop)
    assert len(calls) == 3
    assert "riverrun: s3://models: no answer; tried again in 0.01 s" in capsys.readouterr().err


def test_any_other_error_ends_the_schedule() -> None:
    def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        schedule.repeat(work, 0.01, threading.Event())
    assert not issubclass(ZeroDivisionError, RiverrunError)
