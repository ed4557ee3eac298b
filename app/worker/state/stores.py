"""Where the states of a worker's partitions lie, as [state] says."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from agents.store import MemoryStore, Store
from app.errors import RiverrunError
from app.locks import locked, try_lock
from app.pipeline.model import Pipeline

if TYPE_CHECKING:
    from app.worker.state.rocks import RocksMemory

_LOCK = "lock"


class StoreFolderRefused(RiverrunError):
    """The folder for the stores cannot be used."""


class Stores:
    """Makes empty stores: in memory, or in folders of RocksDB.

    The folders of a worker lie in one of its own, ``FOLDER/NAME/worker-PID-RANDOM``, which is
    locked while it lives. What a worker left that was killed, the next one to start removes.

    Args:
        pipeline: Says which.

    Raises:
        StoreFolderRefused: when the folder cannot be made or is another user's.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._numbers = count()
        self._memory: RocksMemory | None = None
        if pipeline.state.store == "memory":
            return
        from app.worker.state.rocks import RocksMemory

        self._memory = RocksMemory()
        parent = Path(pipeline.state.folder) if pipeline.state.folder else _own_temporary()
        try:
            self._folder, self._lock = _claim(parent.resolve() / pipeline.name)
        except OSError as error:
            raise StoreFolderRefused(f"state.folder: {parent}: {error.strerror}") from None

    def new(self, state_topic: str, partition: int) -> Store:
        """An empty store."""
        if self._memory is None:
            return MemoryStore()
        from app.worker.state.rocks import RocksStore

        name = f"{state_topic}-{partition}.{next(self._numbers)}"
        return RocksStore(self._folder / name, self._memory)

    def close(self) -> None:
        """Remove all folders; no store may be used any more."""
        if self._memory is not None:
            self._memory = None
            shutil.rmtree(self._folder, ignore_errors=True)
            os.close(self._lock)


def _own_temporary() -> Path:
    """A folder that nobody else can have prepared: states hold what events hold."""
    folder = Path(tempfile.gettempdir()) / f"riverrun-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise StoreFolderRefused(f"{folder}: is another user's; set state.folder")
    return folder


def _claim(parent: Path) -> tuple[Path, int]:
    """A new folder with its lock, and without those that dead workers left beside it."""
    parent.mkdir(parents=True, exist_ok=True)
    with locked(parent / _LOCK):
        for lock in parent.glob(f"worker-*/{_LOCK}"):
            held = try_lock(lock)
            if held is not None:
                shutil.rmtree(lock.parent, ignore_errors=True)
                os.close(held)
        folder = parent / f"worker-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        folder.mkdir(mode=0o700)
        own = try_lock(folder / _LOCK)
        assert own is not None  # nobody else looks at it before `parent` is unlocked
        return folder, own
