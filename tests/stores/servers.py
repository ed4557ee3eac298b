"""Real servers for the tests of stores: started, killed and started again on their own folders."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.errors import LocalKafkaError
from app.local_kafka.broker import free_ports
from app.local_kafka.install import cache_home
from app.local_kafka.java import find_java
from app.local_kafka.lock import locked

START_SECONDS = 180.0


class Server:
    """A server in a process of its own.

    Args:
        words: Its command line.
        answers: Whether it can be used.
        folder: Where it runs, and its log lies.
        user: Who runs it; this user unless given.

    Attributes:
        words: Of the next start.
    """

    def __init__(
        self,
        words: Sequence[str],
        answers: Callable[[], bool],
        folder: Path,
        user: str | None = None,
    ) -> None:
        self.words = words
        self._answers, self._folder, self._user = answers, folder, user
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it can be used."""
        deadline = time.monotonic() + START_SECONDS
        self._run()
        while not self._answers():
            assert time.monotonic() < deadline, self.log
            if self._process is None or self._process.poll() is not None:
                time.sleep(1.0)  # what was killed may still hold its files
                self._run()
            time.sleep(0.2)

    def _run(self) -> None:
        more: dict[str, Any] = {} if self._user is None else {"user": self._user}
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                list(self.words), cwd=self._folder, stdout=log, stderr=log, **more
            )

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self._process is not None, "it does not run"
        return self._process.pid

    @property
    def log_file(self) -> Path:
        """What it wrote."""
        return self._folder / "log"

    @property
    def log(self) -> str:
        """The end of what it wrote."""
        return self.log_file.read_text(errors="replace")[-3000:]

    def kill(self) -> None:
        """Kill -9."""
        self.stop(signal.SIGKILL)

    def restart(self) -> None:
        """Kill -9, and start it again."""
        self.kill()
        self.start()

    def stop(self, by: signal.Signals = signal.SIGKILL) -> None:
        """End it."""
        if self._process is not None:
            self._process.send_signal(by)
            self._process.wait(60)
            self._process = None


def java() -> str:
    """A Java that runs these servers; the test is skipped where there is none."""
    try:
        return str(find_java())
    except LocalKafkaError as error:
        pytest.skip(f"no Java: {error}")


def fetched(name: str, fetch: Callable[[Path], None]) -> Path:
    """A folder that is kept once it is complete; the test is skipped where it cannot be.

    Args:
        name: Of the folder, with the version of what is in it.
        fetch: Fills the folder `jars` in the folder that it is given.
    """
    kept = cache_home() / "stores" / name
    aside = kept.with_name(f"{name}.aside")
    with locked(kept.parent / f"{name}.lock"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # jgo does not close its connections
        if not kept.is_dir():
            shutil.rmtree(aside, ignore_errors=True)
            (aside / "jars").mkdir(parents=True)
            try:
                fetch(aside)
            except Exception as error:  # no network, no room: whatever it is, it is named
                pytest.skip(f"{name} cannot be fetched: {error}")
            (aside / "jars").rename(kept)
            shutil.rmtree(aside, ignore_errors=True)
        gc.collect()
    return kept


def jars(name: str, *coordinates: str) -> Path:
    """A folder with the JARs of Maven coordinates, and of what they need."""

    def fetch(aside: Path) -> None:
        context = maven(aside)
        wanted = [context.create_dependency(each) for each in coordinates]
        named, needed = context.resolver.resolve(wanted)
        for dependency in (*named, *needed):
            shutil.copy2(dependency.artifact.resolve(), aside / "jars")

    return fetched(name, fetch)


def maven(aside: Path) -> Any:
    """Maven Central, or what this user has in its place; what comes from there lies aside."""
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext

    repositories = {"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories}
    return MavenContext(repo_cache=aside / "m2", remote_repos=repositories)


def ports(count: int) -> list[int]:
    """So many free ports."""
    found: list[int] = []
    while len(found) < count:
        found += [port for port in free_ports(None) if port not in found]
    return found[:count]


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), 2).close()
    except OSError:
        return False
    return True


def responds(url: str) -> bool:
    """Whether an HTTP server answers, whatever it says but an error of its own."""
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError as error:
        error.close()
        return error.code < 500
    except OSError:
        return False
    return True


def program(name: str, *folders: str) -> str:
    """The path of a program; the test is skipped where it is not installed."""
    path = os.pathsep.join((os.environ.get("PATH", ""), *folders))
    found = shutil.which(name, path=path)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found
