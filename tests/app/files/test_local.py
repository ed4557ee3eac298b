"""A folder on this machine: whole files or none, one winner, errors that name the file."""

import errno
from pathlib import Path

import pytest

from app.files import FileMissing, FilesAway, FilesError, FileThere, open_folder
from app.files.local import draft_of
from tests.app.files.racing import require_one_winner


def test_a_file_is_written_read_listed_and_deleted(tmp_path: Path) -> None:
    folder = open_folder(str(tmp_path / "new"))
    assert folder.names() == []

    folder.write("models/b.bin", b"two")
    folder.write("a.bin", b"one")

    assert folder.names() == ["a.bin", "models/b.bin"]
    assert folder.names("models") == ["models/b.bin"]
    assert folder.read("models/b.bin") == b"two"
    with folder.open("a.bin") as file:
        file.seek(1)
        assert file.read() == b"ne"
    folder.delete("a.bin")
    folder.delete("a.bin")
    assert folder.names() == ["models/b.bin"]


def test_a_file_url_is_a_path(tmp_path: Path) -> None:
    open_folder(f"file://{tmp_path}/with%20space").write("a", b"1")

    assert (tmp_path / "with space" / "a").read_bytes() == b"1"


def test_a_file_that_is_there_is_replaced_only_where_that_is_asked_for(tmp_path: Path) -> None:
    folder = open_folder(str(tmp_path))
    folder.write("a", b"first")

    with pytest.raises(FileThere, match=r"a: is there already"):
        folder.write("a", b"second")
    assert folder.read("a") == b"first"
    folder.write("a", b"third", replace=True)
    assert folder.read("a") == b"third"
    assert folder.drafts() == []


def test_of_many_writers_of_a_new_file_one_wins(tmp_path: Path) -> None:
    require_one_winner(open_folder(str(tmp_path)), writers=8)


def test_what_a_killed_writer_left_is_a_draft_and_no_file(tmp_path: Path) -> None:
    folder = open_folder(str(tmp_path))
    (tmp_path / draft_of("a")).write_bytes(b"half")

    assert folder.names() == []
    (left,) = folder.drafts()
    folder.delete(left)
    assert folder.drafts() == []


def test_a_full_disk_is_worth_another_try_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    folder = open_folder(str(tmp_path))

    with pytest.raises(FilesAway, match=r"/a: No space left on device"):
        folder.write("a", b"1")
    assert (folder.names(), folder.drafts()) == ([], [])


def test_errors_name_the_file(tmp_path: Path) -> None:
    folder = open_folder(str(tmp_path))
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(FileMissing, match=rf"{tmp_path}/none: no such file"):
        folder.read("none")
    with pytest.raises(FilesError, match=r"file/within: Not a directory"):
        folder.read("file/within")


@pytest.mark.parametrize("url", ["ftp://host/a", "gs://bucket/a", "file://elsewhere/a"])
def test_another_kind_of_url_is_refused(url: str) -> None:
    with pytest.raises(FilesError, match="must be a path, or one of file://, hdfs://, s3://"):
        open_folder(url)
