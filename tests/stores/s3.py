"""An S3 server in memory: moto's. It knows conditional writes as Amazon's does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.stores.servers import Server, ports, responds

BUCKET = "s3://lake"


@contextmanager
def s3(folder: Path) -> Iterator[dict[str, Any]]:
    """The options of s3fs for a running one, with a bucket `lake`; skipped without moto."""
    pytest.importorskip("moto", reason='moto (the extra "stores")')
    s3fs = pytest.importorskip("s3fs", reason='s3fs (the extra "files")')
    (port,) = ports(1)
    url = f"http://127.0.0.1:{port}"
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = Server(words, lambda: responds(url), folder)
    server.start()
    options = {"endpoint_url": url, "key": "any", "secret": "any"}
    try:
        s3fs.S3FileSystem(**options, skip_instance_cache=True).mkdir("lake")
        yield options
    finally:
        server.stop()
