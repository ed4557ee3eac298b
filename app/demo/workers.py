"""The demo's worker processes: started as a user starts them, and again whenever one dies."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import app
from app.errors import RiverrunError

HOST = "127.0.0.1"
STOP_WITHIN = 30.0
MOST_FAILURES = 3
"""So often a worker may end without having become ready."""

_LOOK_SECONDS = 0.25

# Outlives a demo that is killed, and then ends the worker. Reads until the pipe breaks.
_WATCHDOG = 'read -r _; kill -9 "$1"'


class WorkerFailed(RiverrunError):
    """A worker that ends each time before it is ready."""


class Health(NamedTuple):
    """What a worker says at /health."""

    ready: bool = False
    commits: int = 0


class WorkerProcess:
    """One worker: `riverrun worker` in a process of its own.

    Args:
        arguments: After `riverrun worker`.
        log: The file that it writes to.
        port: Where it answers /health.
        environ: Variables of its own.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        log: Path,
        port: int,
        environ: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._environ = dict(environ)
        self.port = port
        self.log = log
        self.health = Health()
        self.was_ready = False
        self._command = [sys.executable, "-m", "app", "worker", *arguments]
        self._earlier_commits = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of its process; 0 before the first start."""
        return self._process.pid if self._process else 0

    @property
    def commits(self) -> int:
        """Its transactions so far, those of its former processes among them."""
        return self._earlier_commits + self.health.commits

    def start(self) -> None:
        """Start it, or start it again after it ended."""
        self._unwatch()
        self._earlier_commits += self.health.commits
        self.health, self.was_ready = Health(), False
        root = str(Path(app.__file__).parents[1])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | self._environ | {"PYTHONPATH": path},
                start_new_session=True,  # Ctrl-C is for the demo: it stops its workers in order
            )
        self._watchdog = subprocess.Popen(
            ["/bin/sh", "-c", _WATCHDOG, "riverrun-watchdog", str(self._process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def look(self) -> None:
        """Ask it for its health; without an answer the last one stays."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=1)
        try:
            connection.request("GET", "/health")
            said = json.loads(connection.getresponse().read())
            self.health = Health(bool(said["ready"]), int(said["commits"]))
            self.was_ready = self.was_ready or self.health.ready
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            pass
        finally:
            connection.close()

    def ended(self) -> int | None:
        """The exit code of its process, None while that runs."""
        return self._process.poll() if self._process else 0

    def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Let it commit and leave; by force where that takes too long."""
        self._end(signal.SIGTERM)

    def last_words(self) -> str:
        """The last line of its log."""
        lines = self.log.read_text(errors="replace").split("\n") if self.log.exists() else []
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")

    def _end(self, how: signal.Signals) -> None:
        self._unwatch()
        if self._process is not None:
            self._process.send_signal(how)
            try:
                self._process.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _unwatch(self) -> None:
        if self._watchdog is not None:
            self._watchdog.kill()
            self._watchdog.communicate()
        self._watchdog = None


class Workers:
    """Keeps some workers running.

    Args:
        processes: Not started yet.
        tell: Is told in a line of what nobody asked for.
    """

    def __init__(self, processes: Sequence[WorkerProcess], tell: Callable[[str], None]) -> None:
        self.processes = processes
        self.failure: WorkerFailed | None = None
        self._tell = tell
        self._failures = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="demo-workers", daemon=True)

    @property
    def ready(self) -> int:
        """How many are ready."""
        return sum(process.health.ready for process in self.processes)

    @property
    def commits(self) -> int:
        """Transactions of all, as far as they could be asked before they died."""
        return sum(process.commits for process in self.processes)

    def start(self) -> None:
        """Start them all."""
        for process in self.processes:
            process.start()
        self._keeper.start()

    def kill(self, index: int) -> float:
        """Kill -9 one of them; it is started again at once.

        Returns:
            When, on the monotonic clock.
        """
        process = self.processes[index]
        with self._lock:
            process.look()
            at = time.monotonic()
            process.kill()
            process.start()
        return at

    def stop(self) -> None:
        """Stop them all: each commits what it has done, and leaves."""
        self._stopping.set()
        if self._keeper.is_alive():
            self._keeper.join()
        for process in self.processes:
            process.look()
        enders = [threading.Thread(target=process.stop) for process in self.processes]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()

    def _keep(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS) and self.failure is None:
            for number, process in enumerate(self.processes, 1):
                with self._lock:
                    code = process.ended()
                    if code is None:
                        process.look()
                    else:
                        self._again(number, process, code)

    def _again(self, number: int, process: WorkerProcess, code: int) -> None:
        self._failures += not process.was_ready
        if self._failures >= MOST_FAILURES:
            self.failure = WorkerFailed(f"worker {number} cannot start: {process.last_words()}")
            return
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        self._tell(f"worker {number} {how}, started again")
        process.start()
