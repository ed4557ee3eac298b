"""Ctrl-C at any moment: the first asks the demo to end, the second to wait for nothing."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(KeyboardInterrupt):
    """The user ends the demo while it starts."""


class Stopping:
    """Counts SIGINT and SIGTERM for as long as the `with` block lasts.

    They raise only where `at_once` says so: anywhere else an exception might come between the
    start of a process and the note of its number, or get lost in a callback of librdkafka.
    """

    def __init__(self) -> None:
        self.asked = 0
        self._raises = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Stopping:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)  # type: ignore[arg-type]

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Within this block a signal raises `Stopped`."""
        self.check()
        self._raises = True
        try:
            yield
        finally:
            self._raises = False

    def check(self) -> None:
        """Raise `Stopped` where the user has asked to end."""
        if self.asked:
            raise Stopped

    def _on_signal(self, _: int, __: FrameType | None) -> None:
        self.asked += 1
        if self._raises:
            raise Stopped
