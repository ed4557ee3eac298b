"""Starts riverrun with a fault in the process itself: ``python -m tests.chaos.sabotage``.

    python -m tests.chaos.sabotage kill:before:Producer.commit_transaction:3 -- worker FILE
    python -m tests.chaos.sabotage limit:nofile:40 -- worker FILE

A fault of a call is ``HOW:WHEN:CALL:N``: at the n-th CALL the process is killed (``kill``) or
stopped (``stop``), or gets an exception (``raise``): before the call, after it, or ``during`` it,
that is a number of milliseconds later, which is the last word. A call is a method of a client of
confluent-kafka, or ``module:Class.method`` of riverrun. So the product has no hook for it.
"""

from __future__ import annotations

import importlib
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import confluent_kafka
import confluent_kafka.admin

LIMITS = {"nofile": resource.RLIMIT_NOFILE, "as": resource.RLIMIT_AS, "data": resource.RLIMIT_DATA}
CLIENTS: dict[str, Any] = {
    "Producer": confluent_kafka,
    "Consumer": confluent_kafka,
    "AdminClient": confluent_kafka.admin,
}


class Sabotaged(RuntimeError):
    """The exception of a ``raise``."""


class Fault:
    """Strikes at the n-th call."""

    def __init__(self, how: str, when: str, number: int, milliseconds: float = 0.0) -> None:
        self._strike = {"kill": _kill, "stop": _stop, "raise": _raise}[how]
        self._when = when
        self._number = number
        self._seconds = milliseconds / 1000
        self._calls = 0
        self._lock = threading.Lock()

    def call(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call the method, and strike where it is time."""
        with self._lock:
            self._calls += 1
            now = self._calls == self._number
        if now and self._when == "before":
            self._strike()
        if now and self._when == "during":
            threading.Timer(self._seconds, self._strike).start()
        result = method(*args, **kwargs)
        if now and self._when == "after":
            self._strike()
        return result


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _raise() -> None:
    raise Sabotaged("as the test wants it")


def sabotage(word: str) -> None:
    """Prepare a fault."""
    kind, *rest = word.split(":")
    if kind == "limit":
        value = int(rest[1])
        resource.setrlimit(LIMITS[rest[0]], (value, value))
        return
    *call, number = rest[1:]
    milliseconds = 0.0
    if rest[0] == "during":
        milliseconds, number = float(number), call.pop()
    fault = Fault(kind, rest[0], int(number), milliseconds)
    if len(call) == 1:
        _in_client(call[0], fault)
    else:
        _in_riverrun(call[0], call[1], fault)


def _in_client(call: str, fault: Fault) -> None:
    """The classes are written in C: a subclass takes the place of the class."""
    name, method = call.split(".")
    module = CLIENTS[name]
    base = getattr(module, name)

    def replaced(self: Any, *args: Any, **kwargs: Any) -> Any:
        whole = partial(getattr(base, method), self)
        if getattr(self, "harmless", False):
            return whole(*args, **kwargs)
        return fault.call(whole, *args, **kwargs)

    def init(self: Any, config: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        # A producer without transactions, or a client that only checks settings.
        checks = "bootstrap.servers" not in config
        self.harmless = checks or (name == "Producer" and "transactional.id" not in config)
        base.__init__(self, config, *args, **kwargs)

    setattr(module, name, type(name, (base,), {"__init__": init, method: replaced}))


def _in_riverrun(module: str, path: str, fault: Fault) -> None:
    name, method = path.split(".")
    owner = getattr(importlib.import_module(module), name)
    original = getattr(owner, method)

    def replaced(*args: Any, **kwargs: Any) -> Any:
        return fault.call(original, *args, **kwargs)

    setattr(owner, method, replaced)


def main() -> None:
    """Prepare all faults, then run riverrun."""
    end = sys.argv.index("--")
    words = sys.argv[1:end]
    # Clients first: riverrun's modules take the classes that are there when they are imported.
    for word in sorted(words, key=lambda word: ":app." in word):
        sabotage(word)
    from app.cli import main as riverrun

    sys.argv = ["riverrun", *sys.argv[end + 1 :]]
    riverrun(sys.argv[1:])


if __name__ == "__main__":
    main()
