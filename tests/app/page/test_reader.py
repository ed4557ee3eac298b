"""When the reader of the page reads, and what it does about what goes wrong."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.kafka.settings import KafkaSettings
from app.page import reader
from app.page.feed import Feed
from app.page.reader import PageReader, tail
from app.pipeline.load import load_pipeline

FILE = Path(__file__).parents[3] / "pipelines" / "fraud.toml"


class Reads(PageReader):
    """Notes when it reads, and fails as often as it is told."""

    fails = 0
    begun = 0
    reading = False

    def _read(self) -> None:
        self.begun += 1
        if self.begun <= self.fails:
            raise ValueError("no such thing")
        self.reading = True
        while self._wanted:
            time.sleep(0.005)
        self.reading = False


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reads]:
    monkeypatch.setattr(reader, "PAUSE_SECONDS", 0.2)
    pipeline = load_pipeline(FILE, environ={})
    made = Reads(pipeline, KafkaSettings("127.0.0.1:1"), Feed(pipeline), linger=0.05)
    made.start()
    yield made
    made.stop()
    made.join(60)
    assert not made._thread.is_alive()


def soon(condition: Callable[[], Any]) -> bool:
    deadline = time.monotonic() + 60
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return bool(condition())


def test_nothing_is_read_while_nobody_looks(reads: Reads) -> None:
    time.sleep(0.1)
    assert reads.begun == 0
    reads.look(1)
    assert soon(lambda: reads.reading)
    reads.look(1)
    reads.look(-1)
    time.sleep(0.1)
    assert reads.reading
    reads.look(-1)
    assert soon(lambda: not reads.reading)
    reads.look(1)
    assert soon(lambda: reads.reading)
    assert reads.begun == 2


def test_what_goes_wrong_is_told_and_tried_again_after_a_pause(
    reads: Reads, caplog: pytest.LogCaptureFixture
) -> None:
    reads.fails = 2
    begin = time.monotonic()
    with caplog.at_level(logging.WARNING, "riverrun.page"):
        reads.look(1)
        assert soon(lambda: reads.reading)
    assert time.monotonic() - begin >= 0.4
    assert caplog.text.count("tries again: no such thing") == 2


class Ends:
    """Two partitions: one long, one whose beginning is gone."""

    def starts(self, topic: str) -> dict[int, int]:
        return {0: 0, 1: 990}

    def ends(self, topic: str) -> dict[int, int]:
        return {0: 500, 1: 1000}


def test_the_last_records_are_read_of_each_partition_as_far_as_they_are_there() -> None:
    offsets: Any = Ends()
    places = tail(offsets, "t", count=99)

    assert [(p.topic, p.partition, p.offset) for p in places] == [("t", 0, 450), ("t", 1, 990)]
