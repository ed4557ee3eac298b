"""A folder on this machine."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from app.files.folder import FileMissing, FilesAway, FilesError, FileThere
from app.files.whole import written_aside

_AWAY = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EMFILE}


class LocalFolder:
    """See `Folder`. A file is written aside, made durable, and renamed or linked to its name."""

    def __init__(self, path: Path) -> None:
        self.url = str(path)
        self._path = path

    def names(self, under: str = "") -> list[str]:
        return [name for name in self._all(under) if not is_draft(name)]

    def read(self, name: str) -> bytes:
        with self._explained(name):
            return (self._path / name).read_bytes()

    def open(self, name: str) -> BinaryIO:
        with self._explained(name):
            return (self._path / name).open("rb")

    def write(self, name: str, data: bytes, *, replace: bool = False) -> None:
        path, draft = self._path / name, self._path / draft_of(name)
        with self._explained(name):
            path.parent.mkdir(parents=True, exist_ok=True)
            with written_aside(path, draft, replace=replace) as file:
                file.write(data)
            _make_durable(path.parent)

    def delete(self, name: str) -> None:
        with self._explained(name):
            (self._path / name).unlink(missing_ok=True)

    def drafts(self, under: str = "") -> list[str]:
        return [name for name in self._all(under) if is_draft(name)]

    def _all(self, under: str) -> list[str]:
        with self._explained(under):
            root = self._path / under
            found = (Path(folder, n) for folder, _, files in os.walk(root) for n in files)
            return sorted(path.relative_to(self._path).as_posix() for path in found)

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        where = self._path / name
        try:
            yield
        except FileNotFoundError:
            raise FileMissing(f"{where}: no such file") from None
        except FileExistsError:
            raise FileThere(f"{where}: is there already") from None
        except OSError as error:
            kind = FilesAway if error.errno in _AWAY else FilesError
            raise kind(f"{where}: {error.strerror or error}") from error


def draft_of(name: str) -> str:
    """A new name for what is written aside, in the same folder."""
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}.{last}.{uuid.uuid4().hex}"


def is_draft(name: str) -> bool:
    """Whether this is a name of `draft_of`, or hidden otherwise."""
    return name.rpartition("/")[2].startswith(".")


def _make_durable(folder: Path) -> None:
    """A new name is on the disk when its folder is."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
