"""Processes by fork: a command without the seconds of imports before each of its starts.

A template process imports once what every command imports, loads the kernels that workers warm up,
and has no thread of Python's. Each command, most often a worker, is a fork of it that then does
just what ``python -m MODULE ARGUMENTS`` does: a process of its own, with its own signals, exit code
and output. The kills, freezes and stops of the tests meet a real process. All forks have the hash
seed of the template, so no worker starts itself anew for one. Where the system cannot wait for a
process by a file descriptor, they are started the usual way.
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

from tests.compiled import warm_up

MODULE = "app"
IMPORTED = (
    "app.cli",
    "app.commands.worker",
    "app.pipeline.load",
    "app.worker.run",
    "app.worker.build",
)
"""What a worker imports, from its command line to its parts."""
READ_LATE = ("RIVERRUN_", "KAFKA_BOOTSTRAP_SERVERS")
"""How variables begin that riverrun itself reads, long after the start of Python."""
SEEDED = {"PYTHONHASHSEED": "0"}
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


def start(
    words: Sequence[str],
    out: IO[bytes],
    environ: Mapping[str, str],
    errors: IO[bytes] | None = None,
) -> Process:
    """Start ``python -m WORDS``.

    Args:
        words: A module and its arguments. Another one than ``app`` is started the usual way: it
            may change what ``app`` imports.
        out: An open file, for its output.
        environ: Variables over those of this process. With any that may be meant for the start of
            Python, the process is started the usual way.
        errors: For its standard error, where that is not to go to `out`.
    """
    errors = errors or out
    of_start = [name for name in environ if not name.startswith(READ_LATE)]
    if words[0] != MODULE or of_start or not hasattr(os, "pidfd_open"):
        command, environ = [sys.executable, "-m", *words], {**os.environ, **environ}
        return subprocess.Popen(command, stdout=out, stderr=errors, env=environ)
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    everything = {**os.environ, **SEEDED, **environ}
    request = json.dumps({"arguments": list(words[1:]), "environ": everything}).encode()
    with its:
        descriptors = [out.fileno(), errors.fileno(), its.fileno()]
        socket.send_fds(_template()[0], [request], descriptors)
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
        process = subprocess.Popen(line, pass_fds=[descriptor], env={**os.environ, **SEEDED})
    atexit.register(_end, ours, process)
    return ours, process


def _end(requests: socket.socket, process: subprocess.Popen[bytes]) -> None:
    requests.close()
    process.wait()


def serve_forever() -> None:
    """Be the template: fork whenever the socket, named on the command line, asks for it."""
    for module in IMPORTED:
        __import__(module)
    warm_up()
    gc.freeze()  # a collection in a fork would copy every page that was imported
    requests = socket.socket(fileno=int(sys.argv[1]))
    running: dict[int, tuple[int, socket.socket]] = {}
    while True:
        for ready in select.select([requests.fileno(), *running], [], [])[0]:
            if ready != requests.fileno():
                _tell_end(ready, *running.pop(ready))
                continue
            message, descriptors, *_ = socket.recv_fds(requests, MESSAGE, 3)
            if not message:
                return
            *outputs, last = descriptors
            its = socket.socket(fileno=last)
            pid = os.fork()
            if not pid:
                _close([requests, its], running)
                return _run(json.loads(message), outputs)
            for output in outputs:
                os.close(output)
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


def _run(request: Mapping[str, Any], outputs: Sequence[int]) -> None:
    """In the fork: become ``python -m app``."""
    for stream, output in zip((1, 2), outputs, strict=True):
        os.dup2(output, stream)
        os.close(output)
    os.environ.clear()
    os.environ.update(request["environ"])
    sys.argv[1:] = request["arguments"]
    sys.orig_argv[:] = [sys.executable, "-m", MODULE, *request["arguments"]]
    runpy.run_module(MODULE, run_name="__main__", alter_sys=True)
