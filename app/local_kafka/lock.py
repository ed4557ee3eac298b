"""Locks in the local Kafka's folders: one that cannot be used is an error of the local Kafka."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app import locks
from app.errors import LocalKafkaError


def try_lock(path: Path) -> int | None:
    """See `app.locks.try_lock`."""
    with _named(path):
        return locks.try_lock(path)


def is_locked(path: Path) -> bool:
    """See `app.locks.is_locked`."""
    with _named(path):
        return locks.is_locked(path)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """See `app.locks.locked`."""
    held = locks.locked(path)
    with _named(path):
        held.__enter__()
    try:
        yield
    finally:
        held.__exit__(None, None, None)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LocalKafkaError(f"cannot use the folder {path.parent}: {error.strerror}") from None
