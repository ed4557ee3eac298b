"""Commands of riverrun on one pipeline file, as a user runs them: each a process of its own."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from tests.kafka import forked


class Started:
    """A command that was started.

    Args:
        words: Command and options.
        environ: Variables of riverrun, over those of this process.
    """

    def __init__(self, words: Sequence[str], environ: Mapping[str, str]) -> None:
        self._files = TemporaryFile(), TemporaryFile()  # noqa: SIM115 (closed when they are read)
        out, errors = self._files
        self._process = forked.start(["app", *words], out, environ, errors)

    @property
    def returncode(self) -> int | None:
        """Its exit code, once it was waited for."""
        return self._process.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        self._process.send_signal(number)

    def communicate(self, timeout: float = 120.0) -> tuple[str, str]:
        """Wait for its end; its output and what it wrote to standard error."""
        try:
            self._process.wait(timeout)
        finally:
            self._process.kill()
            said = [self._read(file) for file in self._files]
        return said[0], said[1]

    @staticmethod
    def _read(file: IO[bytes]) -> str:
        with file:
            file.seek(0)
            return file.read().decode()


class Commands:
    """Runs commands on one pipeline file and one Kafka.

    Args:
        kafka: The address of its bootstrap servers.
        file: Of the pipeline.
        environ: More variables of riverrun.
    """

    def __init__(self, kafka: str, file: Path, environ: Mapping[str, str] | None = None) -> None:
        self.file = file
        self._environ = {"KAFKA_BOOTSTRAP_SERVERS": kafka, **(environ or {})}

    def start(self, command: str, *options: str) -> Started:
        """Start a command, such as "state check"."""
        return Started([*command.split(), str(self.file), *options], self._environ)

    def run(self, command: str, *options: str) -> str:
        """Standard output of a command that must succeed."""
        process = self.start(command, *options)
        out, errors = process.communicate()
        assert process.returncode == 0, errors
        return out
