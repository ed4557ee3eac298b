"""A file that is there as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def written_aside(path: Path, draft: Path, *, replace: bool) -> Iterator[BinaryIO]:
    """A draft to write to, which takes its name at the end; after an error nothing is left.

    Args:
        path: The name; its folder is there.
        draft: A name that nobody else has, in the same folder.
        replace: Whether a file that is there may be replaced.

    Raises:
        FileExistsError: The file is there, and `replace` is not given.
        OSError: It cannot be written.
    """
    try:
        with draft.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if replace:
            draft.replace(path)
        else:
            path.hardlink_to(draft)  # fails where the file is there, unlike a rename
    finally:
        draft.unlink(missing_ok=True)
