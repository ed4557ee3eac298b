"""Where the states of a worker's partitions lie, as [state] says."""

from __future__ import annotations

import tempfile
from pathlib import Path

from agents.store import MemoryStore
from app.errors import RiverrunError
from app.pipeline.model import Pipeline


class StoreFolderRefused(RiverrunError):
    """The folder for the stores cannot be used."""


class Stores:
    """Makes empty stores: in memory, or with what waits in files that are mapped into memory.

    The files have no names: nobody else sees them, and nothing is left of them when a worker is
    killed.

    Args:
        pipeline: Says which.

    Raises:
        StoreFolderRefused: when no file can be made in the folder.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._folder: Path | None = None
        if pipeline.state.store == "memory":
            return
        folder = self._folder = Path(pipeline.state.folder or tempfile.gettempdir())
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise StoreFolderRefused(f"state.folder: {folder}: {error.strerror}") from None

    def new(self) -> MemoryStore:
        """An empty store."""
        return MemoryStore(folder=self._folder)
