"""What a folder of files can do, wherever it is."""

from __future__ import annotations

from typing import BinaryIO, Protocol

from app.errors import RiverrunError


class FilesError(RiverrunError):
    """A file system that refuses what it is asked for. The message is in its own words."""


class FileMissing(FilesError):
    """No such file."""


class FileThere(FilesError):
    """A file that was to be new, and is there already."""


class FilesAway(FilesError, ConnectionError):
    """The file system does not answer, or has no room: worth another try later."""


class Folder(Protocol):
    """The files below one place. Names are relative to it, with "/" between their parts.

    A name whose last part begins with "." is a draft: `names` leaves it out.

    Attributes:
        url: Where it is.
    """

    url: str

    def names(self, under: str = "") -> list[str]:
        """All files below, or below the folder `under` in it, in the order of their names.

        A folder that does not exist has none.

        Raises:
            FilesError, FilesAway: It cannot be listed.
        """
        ...

    def read(self, name: str) -> bytes:
        """The content of a file.

        Raises:
            FileMissing: There is none.
            FilesError, FilesAway: It cannot be read.
        """
        ...

    def open(self, name: str) -> BinaryIO:
        """A file to be read in parts, at any place. Errors as `read`."""
        ...

    def write(self, name: str, data: bytes, *, replace: bool = False) -> None:
        """Write a file so that readers see all of it or nothing; folders are made as needed.

        What this returned from is on the disk, or with the store. Of two writers of a new file
        one wins, and the other one gets FileThere.

        Args:
            name: Of the file.
            data: Its whole content.
            replace: Whether a file that is there may be replaced.

        Raises:
            FileThere: The file exists, and may not be replaced.
            FilesError, FilesAway: It cannot be written, or it is not known whether it was.
        """
        ...

    def delete(self, name: str) -> None:
        """Delete a file; one that is missing is no error.

        Raises:
            FilesError, FilesAway: It cannot be deleted.
        """
        ...

    def drafts(self, under: str = "") -> list[str]:
        """What writers have not finished, or left behind when they died; as `names`."""
        ...
