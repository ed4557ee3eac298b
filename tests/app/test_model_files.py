"""A model file is written as a whole, and never over another by accident."""

from pathlib import Path

import pytest

from app.model_files import ModelFileError, read, write


def test_what_is_written_is_read_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "model.riverrun"
    write(path, b"one")
    assert read(path) == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_there_is_kept_without_force(tmp_path: Path) -> None:
    path = tmp_path / "model.riverrun"
    write(path, b"one")
    with pytest.raises(ModelFileError, match="is there already; --force replaces it"):
        write(path, b"two")
    assert (read(path), list(tmp_path.iterdir())) == (b"one", [path])


def test_force_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "model.riverrun"
    write(path, b"one")
    write(path, b"two", force=True)
    assert (read(path), list(tmp_path.iterdir())) == (b"two", [path])


def test_a_folder_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "none" / "model.riverrun"
    for act in (lambda: write(path, b"one"), lambda: read(path)):
        with pytest.raises(ModelFileError, match=r"model.riverrun: No such file or directory"):
            act()
