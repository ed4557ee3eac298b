"""Folders on HDFS and on S3 do as those of this machine: whole files, one winner, plain errors."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from app.files import FileMissing, FilesAway, FileThere, Folder, open_folder
from tests.app.files.racing import require_one_winner
from tests.kafka.running import wait_until
from tests.stores.s3 import BUCKET
from tests.stores.servers import Server


@pytest.fixture(params=["s3", "hdfs"])
def folder(request: pytest.FixtureRequest) -> Folder:
    """A folder that does not exist yet."""
    name = f"f{uuid.uuid4().hex}/new"
    if request.param == "s3":
        return open_folder(f"{BUCKET}/{name}", request.getfixturevalue("s3_options"))
    return open_folder(f"{request.getfixturevalue('hdfs_server')[1]}/{name}")


def test_files_are_written_read_listed_replaced_and_deleted(folder: Folder) -> None:
    assert folder.names() == []

    folder.write("models/b.bin", b"two")
    folder.write("a.bin", b"one")
    with pytest.raises(FileThere, match=r"a.bin: is there already"):
        folder.write("a.bin", b"other")

    assert folder.names() == ["a.bin", "models/b.bin"]
    assert folder.names("models") == ["models/b.bin"]
    with folder.open("a.bin") as file:
        file.seek(1)
        assert file.read(1) == b"n"
    folder.write("a.bin", b"replaced", replace=True)
    assert folder.read("a.bin") == b"replaced"
    folder.delete("a.bin")
    folder.delete("a.bin")
    with pytest.raises(FileMissing, match=r"a.bin: no such file"):
        folder.read("a.bin")
    assert (folder.names(), folder.drafts()) == (["models/b.bin"], [])


def test_of_many_writers_of_a_new_file_one_wins(folder: Folder) -> None:
    require_one_winner(folder, writers=4)


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("s3://lake/x", {"endpoint_url": "http://127.0.0.1:1", "key": "any", "secret": "any"}),
        ("hdfs://127.0.0.1:1/x", {}),
    ],
)
def test_nobody_there_is_worth_another_try(url: str, options: dict[str, Any]) -> None:
    pytest.importorskip("s3fs")
    pytest.importorskip("hdfs_native")
    if url.startswith("s3"):
        options = options | {"config_kwargs": {"retries": {"max_attempts": 1}}}

    with pytest.raises(FilesAway, match=url):
        open_folder(url, options).write("a", b"1")


def test_files_outlive_a_kill_of_the_name_node(hdfs_server: tuple[Server, str]) -> None:
    server, url = hdfs_server
    folder = open_folder(f"{url}/{uuid.uuid4().hex}")
    folder.write("a", b"1" * 100_000)

    server.restart()

    said: list[str] = []

    def is_read() -> bool:
        try:
            return folder.read("a") == b"1" * 100_000
        except FilesAway as error:  # it is in safe mode, until it knows its blocks
            said.append(str(error))
            return False

    wait_until(is_read, 120, "the file")
    assert [text for text in said if "tat " in text] == [], "a stack of Java"
