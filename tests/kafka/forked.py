"""Processes by fork: a worker without the second or two of imports before each of its starts.

A template process imports once what every worker imports, and has no thread of Python's. Each
worker is a fork of it that then does just what ``python -m MODULE ARGUMENTS`` does: a process of
its own, with its own signals, exit code and log. The kills, freezes and stops of the tests meet a
real process. Where the system cannot wait for a process by a file descriptor, workers are started
the usual way.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO, Any

MODULE = "app"
IMPORTED = (
    "app.cli",
    "app.commands.worker",
    "app.pipeline.load",
    "app.worker.run",
    "app.worker.build",
)
"""What a worker imports, from its command line to its parts."""
STARTS = "from tests.kafka import forked; forked.serve_forever()"
MESSAGE = 1 << 20
"""Bytes that a request has at most: its environment is most of them."""
REPLY = 8


class Forked:
    """A started process: the part of ``subprocess.Popen`` that the tests use."""

    def __init__(self, replies: socket.socket) -> None:
        self.returncode: int | None = None
        self._replies = replies
        self.pid = self._reply(None)

    def _reply(self, timeout: float | None) -> int:
        self._replies.settimeout(timeout)
        said = self._replies.recv(REPLY)
        assert said, "the template of all workers has ended"
        return int.from_bytes(said, "big", signed=True)

    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""
        if self.returncode is None:
            try:
                self.returncode = self._reply(0.0)
            except BlockingIOError:
                return None
            self._replies.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            try:
                self.returncode = self._reply(timeout)
            except TimeoutError:
                raise subprocess.TimeoutExpired("a forked worker", timeout or 0.0) from None
            self._replies.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


Process = Forked | subprocess.Popen[bytes]


def start(words: Sequence[str], log: IO[bytes], environ: Mapping[str, str]) -> Process:
    """Start ``python -m WORDS``, whose output goes to a log.

    Args:
        words: A module and its arguments. Another one than ``app`` is started the usual way: it
            may change what ``app`` imports.
        log: An open file.
        environ: Variables over those of this process. With any, the process is started the usual
            way: they may be meant for its start.
    """
    if words[0] != MODULE or environ or not hasattr(os, "pidfd_open"):
        return subprocess.Popen(
            [sys.executable, "-m", *words],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environ},
        )
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    request = json.dumps({"arguments": list(words[1:]), "environ": dict(os.environ)}).encode()
    with its:
        socket.send_fds(_template()[0], [request], [log.fileno(), its.fileno()])
    return Forked(ours)


@functools.cache
def _template() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """The template of this process, and the socket that asks it; it ends with this process."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (ours, its):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MESSAGE)
    with its:
        descriptor = its.fileno()
        line = [sys.executable, "-c", STARTS, str(descriptor)]
        process = subprocess.Popen(line, pass_fds=[descriptor])
    atexit.register(_end, ours, process)
    return ours, process


def _end(requests: socket.socket, process: subprocess.Popen[bytes]) -> None:
    requests.close()
    process.wait()


def serve_forever() -> None:
    """Be the template: fork whenever the socket, named on the command line, asks for it."""
    for module in IMPORTED:
        __import__(module)
    gc.freeze()  # a collection in a fork would copy every page that was imported
    requests = socket.socket(fileno=int(sys.argv[1]))
    running: dict[int, tuple[int, socket.socket]] = {}
    while True:
        for ready in select.select([requests.fileno(), *running], [], [])[0]:
            if ready != requests.fileno():
                _tell_end(ready, *running.pop(ready))
                continue
            message, descriptors, *_ = socket.recv_fds(requests, MESSAGE, 2)
            if not message:
                return
            log, its = descriptors[0], socket.socket(fileno=descriptors[1])
            pid = os.fork()
            if not pid:
                _close([requests, its], running)
                return _run(json.loads(message), log)
            os.close(log)
            _reply(its, pid)
            running[os.pidfd_open(pid)] = pid, its


def _tell_end(descriptor: int, pid: int, its: socket.socket) -> None:
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(descriptor)
    with its:
        _reply(its, code)


def _reply(its: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):  # the test may be gone
        its.send(number.to_bytes(REPLY, "big", signed=True))


def _close(sockets: list[socket.socket], running: dict[int, tuple[int, socket.socket]]) -> None:
    """In the fork: what is the template's alone."""
    for descriptor, (_, its) in running.items():
        os.close(descriptor)
        its.close()
    for one in sockets:
        one.close()


def _run(request: Mapping[str, Any], log: int) -> None:
    """In the fork: become ``python -m app``."""
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    os.environ.clear()
    os.environ.update(request["environ"])
    sys.argv[1:] = request["arguments"]
    sys.orig_argv[:] = [sys.executable, "-m", MODULE, *request["arguments"]]
    runpy.run_module(MODULE, run_name="__main__", alter_sys=True)
