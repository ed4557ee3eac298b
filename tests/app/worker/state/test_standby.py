"""The thread of a standby is started once, whoever wakes it at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from agents.store import MemoryStore
from app.worker.state.standby import Standby

AT_ONCE = 8


class SlowStart(threading.Thread):
    """A thread that is not alive for some time after somebody began to start it."""

    def start(self) -> None:
        """Let the others come before."""
        arrived.wait(5)
        super().start()


arrived = threading.Event()


def test_it_is_started_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "Thread", SlowStart)
    standby = Standby({}, {}, MemoryStore)
    monkeypatch.undo()
    monkeypatch.setattr(standby, "_run", lambda: None)
    standby._thread._target = lambda: None  # type: ignore[attr-defined]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        woken = [pool.submit(standby.follow, ()) for _ in range(AT_ONCE)]
        arrived.set()
        for one in woken:
            one.result(10)
