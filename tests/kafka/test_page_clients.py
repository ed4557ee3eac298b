"""Clients of the page that mean no good: the stream goes on, and a probe is answered."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from app.local_kafka.broker import free_ports
from tests.kafka.running import Stream, WorkerProcess, stream, synthetic, wait_until, workers

LEARNER = {"type": "passive_aggressive"}
COUNT = 1_000
HEAD = b"%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
KINDS = {
    "half a head": HEAD % (b"GET", b"/"),
    "no reader": HEAD % (b"GET", b"/static/uPlot.iife.min.js") + b"\r\n",
    "a body": HEAD % (b"POST", b"/") + b"Content-Length: 1000000000\r\n\r\n" + bytes(60_000),
    "a stream": HEAD % (b"GET", b"/stream") + b"\r\n",
}


@contextmanager
def clients(port: int, sent: bytes) -> Iterator[list[socket.socket]]:
    """A thousand connections that sent something, and take nothing."""
    with ExitStack() as stack:
        opened = []
        for _ in range(COUNT):
            with suppress(ConnectionError):
                made = socket.create_connection(("127.0.0.1", port), timeout=30)
                opened.append(stack.enter_context(made))
                made.sendall(sent)
        yield opened


def is_ready(port: int) -> bool:
    with (
        suppress(OSError),
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=30) as answer,
    ):
        return bool(json.load(answer)["ready"])
    return False


def files(worker: WorkerProcess) -> int:
    """Open files of the worker itself."""
    return len(list(Path(f"/proc/{worker.process.pid}/fd").iterdir()))


@pytest.fixture
def pipeline(kafka: str, tmp_path: Path, topic_name: str) -> tuple[Stream, int]:
    port, _ = free_ports(None)
    return stream(kafka, tmp_path, topic_name, LEARNER, 1, worker={"web_port": port}), port


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts files in /proc")
def test_a_thousand_clients_of_each_kind_take_nothing_from_the_stream(
    pipeline: tuple[Stream, int],
) -> None:
    events, port = pipeline
    with workers(events, "a") as (worker,):
        wait_until(lambda: is_ready(port), what="the worker")
        events.send(0, synthetic(0, 100))
        events.predictions()
        before = files(worker)
        for number, (kind, sent) in enumerate(KINDS.items(), 1):
            with clients(port, sent) as opened:
                assert len(opened) > COUNT / 2, kind
                events.send(0, synthetic(number, 200))
                events.predictions()
                wait_until(lambda: is_ready(port), what=f"health beside {kind}")
                assert files(worker) <= before + 5, kind
        assert len(worker.log.splitlines()) < 100, worker.log[-2000:]
        assert worker.stop() == 0
