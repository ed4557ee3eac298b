"""A broker that belongs to the program that starts it."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from app.errors import LocalKafkaError
from app.local_kafka import broker
from app.local_kafka.home import Status, log_file, take, write_status

STOP_WITHIN = 10.0
_ATTEMPTS = 3

# Outlives a program that is killed, and then ends what it left. Reads until the pipe breaks.
_WATCHDOG = 'read -r _; kill -9 "$1"; [ -z "$2" ] || { sleep 1; rm -rf -- "$2"; }'


class LocalKafka:
    """One Apache Kafka on loopback, for as long as this program lives.

    It ends with `stop`, with the `with` block, or, at the latest, when the program ends in
    whatever way, kill -9 included. Ctrl-C in the terminal does not reach it, so that a program
    can commit its work before it stops its broker.

    Parameters:
        home: Its folder, kept afterwards. Default: a temporary one, removed at the end.
        port: Where it listens on 127.0.0.1. Default: a free port.
        config: Settings of the broker, over those of riverrun.
        client: Settings that a client of this broker needs, for the check that it is ready.

    Example:
        >>> with LocalKafka() as kafka:  # doctest: +SKIP
        ...     kafka.bootstrap
        '127.0.0.1:41234'
    """

    def __init__(
        self,
        home: Path | None = None,
        port: int | None = None,
        *,
        config: Mapping[str, str] | None = None,
        client: Mapping[str, str] | None = None,
    ) -> None:
        self._kept_home = home
        self._port = port
        self._config = dict(config or {})
        self._client = dict(client or {})
        self._home: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._bootstrap = ""

    @property
    def bootstrap(self) -> str:
        """Its address, `host:port`; empty while it does not run."""
        return self._bootstrap

    def start(self) -> str:
        """Start it and wait until it answers, some 2 seconds. A second call changes nothing.

        Returns:
            Its address.

        Raises:
            LocalKafkaInUse: Another broker runs on `home`.
            LocalKafkaError: No Java, no network for the first download, the port is taken, the
                disk is full, or the broker gave another reason.
        """
        if self.is_running():
            return self._bootstrap
        self.stop()
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                if self._attempt():
                    return self._bootstrap
                assert self._home is not None
                why = broker.reason(self._home)
            except BaseException:
                self.stop()
                raise
            self.stop()
            if "port" not in why or self._port is not None or attempt == _ATTEMPTS:
                break
        log = f", see {log_file(self._kept_home)}" if self._kept_home else ""
        raise LocalKafkaError(f"the local Kafka did not start: {why}{log}")

    def stop(self) -> None:
        """Stop it, at the latest by force. Does nothing where it does not run."""
        if self._watchdog is not None:
            _end(self._watchdog, signal.SIGKILL)
            assert self._watchdog.stdin is not None
            self._watchdog.stdin.close()
        if self._process is not None:
            _end(self._process, signal.SIGTERM)
        if self._home is not None and self._kept_home is None:
            shutil.rmtree(self._home, ignore_errors=True)
        self._watchdog = self._process = self._home = None
        self._bootstrap = ""

    def is_running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _attempt(self) -> bool:
        self._home = self._kept_home or Path(tempfile.mkdtemp(prefix="riverrun-kafka-"))
        lock = take(self._home)
        try:
            address = broker.prepare(self._home, self._port, self._config)
            line = broker.command(self._home)
            with log_file(self._home).open("wb") as log:
                self._process = subprocess.Popen(
                    line,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    pass_fds=(lock,),
                )
        finally:
            os.close(lock)
        self._watchdog = self._watch(self._process.pid)
        write_status(Status(self._process.pid, address, self._home))
        if not broker.wait_until_ready(address, self.is_running, self._client):
            return False
        self._bootstrap = address
        return True

    def _watch(self, pid: int) -> subprocess.Popen[bytes]:
        remove = "" if self._kept_home else str(self._home)
        return subprocess.Popen(
            ["/bin/sh", "-c", _WATCHDOG, "riverrun-watchdog", str(pid), remove],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def _end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    process.send_signal(how)
    try:
        process.wait(STOP_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
