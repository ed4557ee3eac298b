"""A server that speaks MongoDB's protocol: FerretDB over SQLite, built by Go."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.local_kafka.install import cache_home
from app.local_kafka.lock import locked
from tests.stores.servers import Server, listens, ports, program

SOURCE = Path(__file__).parent / "ferretdb"
BUILD_SECONDS = 1500


@contextmanager
def ferretdb(folder: Path) -> Iterator[tuple[Server, str]]:
    """A running one, and its URI; the test is skipped where it cannot be built."""
    binary = _built()
    (port,) = ports(1)
    (folder / "data").mkdir()
    words = [str(binary), f"127.0.0.1:{port}", str(folder / "data")]
    server = Server(words, lambda: listens(port), folder)
    server.start()
    try:
        yield server, f"mongodb://127.0.0.1:{port}"
    finally:
        server.stop()


def _built() -> Path:
    """The program, built once: some minutes the first time."""
    kept = cache_home() / "stores" / "ferretdb-1.24.2"
    with locked(kept.parent / "ferretdb.lock"):
        if kept.is_file():
            return kept
        go = program("go", "/usr/local/go/bin")
        aside = kept.with_name("ferretdb.aside")
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(SOURCE, aside)
        done = subprocess.run(
            [go, "build", "-o", "made", "."],
            cwd=aside,
            env=os.environ | {"CGO_ENABLED": "0"},
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
        )
        if done.returncode != 0:
            pytest.skip(f"FerretDB cannot be built: {done.stderr[-300:]}")
        (aside / "made").rename(kept)
        shutil.rmtree(aside, ignore_errors=True)
    return kept
