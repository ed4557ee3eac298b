"""Models are archived on S3 and HDFS as on a disk: whole, once, the newest ones."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from app.archive import archiving
from app.archive.names import archived
from app.archive.restoring import newest, read
from app.files import Folder, open_folder
from tests.app import pipeline_files
from tests.app.archive.test_archiving import HOUR, NOON, snapshot
from tests.stores.servers import Server


def keeps_the_newest(monkeypatch: pytest.MonkeyPatch, folder: Folder, file: Path) -> None:
    """What the state topic holds is given; the folder is real."""
    pipeline = pipeline_files.read(file, pipeline_files.SMALLEST)
    reader: Any = None
    for n in range(4):
        monkeypatch.setattr(archiving, "models", lambda *_, n=n: {0: snapshot(n + 1, n)})
        (done,) = archiving.archive(pipeline, reader, folder, 2, NOON + n * HOUR)
        (again,) = archiving.archive(pipeline, reader, folder, 2, NOON + n * HOUR)
        assert (done.new, again.new) == (True, False)
    assert [found.offset for found in archived(folder.names("p"))] == [2, 3]
    assert read(folder, newest(folder, "p", NOON + 2 * HOUR)[0]) == snapshot(3, 2)


def test_on_s3(monkeypatch: pytest.MonkeyPatch, s3_options: dict[str, Any], tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_options["endpoint_url"])
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3_options["key"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3_options["secret"])
    keeps_the_newest(monkeypatch, open_folder(f"s3://lake/{uuid.uuid4().hex}"), tmp_path)


def test_on_hdfs(
    monkeypatch: pytest.MonkeyPatch, hdfs_server: tuple[Server, str], tmp_path: Path
) -> None:
    folder = open_folder(f"{hdfs_server[1]}/{uuid.uuid4().hex}")
    keeps_the_newest(monkeypatch, folder, tmp_path)
