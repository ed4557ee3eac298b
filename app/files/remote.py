"""Folders on HDFS and on S3, through fsspec."""

from __future__ import annotations

import errno
import posixpath
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

from app.files.folder import FileMissing, FilesAway, FilesError, FileThere
from app.files.local import draft_of, is_draft

_THERE = "PreconditionFailed"
"""S3's word for a new file that is there already."""

_PATIENCE = {"dfs.client.failover.max.attempts": 4}
"""Some 10 s: unless it is told, the client tries for three minutes before it says anything."""

_STACK = re.compile(r"(\\n|\n)(\\t|\t)at ")
"""Where HDFS begins to tell its stack, as it is or as a quotation."""

_REFUSED = {errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENAMETOOLONG, errno.EISDIR}


class RemoteFolder:
    """What HDFS and S3 have in common, see `Folder`.

    Args:
        url: Where it is.
        system: fsspec's file system.
        path: The folder within it.
    """

    def __init__(self, url: str, system: Any, path: str) -> None:
        self.url = url
        self._system = system
        self._path = path.rstrip("/")

    def names(self, under: str = "") -> list[str]:
        return [name for name in self._all(under) if not is_draft(name)]

    def read(self, name: str) -> bytes:
        with self._explained(name), self._system.open(self._at(name), "rb") as file:
            data = file.read()
            assert isinstance(data, bytes)
            return data

    def open(self, name: str) -> BinaryIO:
        with self._explained(name):
            opened: BinaryIO = self._system.open(self._at(name), "rb")
            return opened

    def delete(self, name: str) -> None:
        with self._explained(name), suppress(FileNotFoundError):
            self._system.rm_file(self._at(name))

    def drafts(self, under: str = "") -> list[str]:
        return [name for name in self._all(under) if is_draft(name)]

    def _all(self, under: str) -> list[str]:
        root = self._at(under) if under else self._path
        with self._explained(under):
            self._system.invalidate_cache()
            try:
                found = self._system.find(root or "/")
            except FileNotFoundError:
                return []
        return sorted(posixpath.relpath(path, self._path or "/") for path in found)

    def _at(self, name: str) -> str:
        return f"{self._path}/{name}"

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        where = f"{self.url.rstrip('/')}/{name}"
        try:
            yield
        except FileNotFoundError:
            raise FileMissing(f"{where}: no such file") from None
        except FileExistsError:
            raise FileThere(f"{where}: is there already") from None
        except Exception as error:  # each file system has a tree of errors of its own
            if _code(error) == _THERE:
                raise FileThere(f"{where}: is there already") from None
            raise _kind(error)(f"{where}: {_words(error)}") from error


class HdfsFolder(RemoteFolder):
    """A folder on HDFS. A file is written aside and renamed, which is one step of the NameNode."""

    def write(self, name: str, data: bytes, *, replace: bool = False) -> None:
        draft = self._at(draft_of(name))
        with self._explained(name):
            self._system.makedirs(posixpath.dirname(self._at(name)), exist_ok=True)
            try:
                with self._system.open(draft, "wb") as file:
                    file.write(data)
                self._system.mv(draft, self._at(name), overwrite=replace)
            except BaseException:
                with suppress(Exception):  # the first error counts
                    self._system.rm_file(draft)
                raise


class S3Folder(RemoteFolder):
    """A folder on S3. One request writes a file, and S3 itself refuses one that is there."""

    def write(self, name: str, data: bytes, *, replace: bool = False) -> None:
        with self._explained(name):
            mode = "overwrite" if replace else "create"
            self._system.pipe_file(self._at(name), data, mode=mode)


def open_hdfs(url: str, options: Mapping[str, Any]) -> HdfsFolder:
    """A folder of an `hdfs://` URL; options are those of Hadoop's client."""
    from hdfs_native.fsspec import HdfsFileSystem

    where = HdfsFileSystem._get_kwargs_from_urls(url)
    own = {name: str(value) for name, value in (_PATIENCE | dict(options)).items()}
    system = HdfsFileSystem(**where, **own, skip_instance_cache=True)
    return HdfsFolder(url, system, HdfsFileSystem._strip_protocol(url))


def open_s3(url: str, options: Mapping[str, Any]) -> S3Folder:
    """A folder of an `s3://` URL; options are those of s3fs, such as `endpoint_url`."""
    from s3fs import S3FileSystem

    system = S3FileSystem(**options, use_listings_cache=False, skip_instance_cache=True)
    return S3Folder(url, system, S3FileSystem._strip_protocol(url))


def _code(error: BaseException) -> str:
    """S3's own name of an error."""
    response = getattr(error.__cause__ or error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def _words(error: BaseException) -> str:
    """What an error says, in one line, without the stack of a server."""
    text = _STACK.split(str(error), maxsplit=1)[0]
    return " ".join(text.split()) or repr(error)


def _kind(error: Exception) -> type[FilesError]:
    """Whether another try may help: what is not known to be refused may be over soon."""
    refused = isinstance(error, PermissionError | ValueError | TypeError)
    return FilesError if refused or getattr(error, "errno", None) in _REFUSED else FilesAway
