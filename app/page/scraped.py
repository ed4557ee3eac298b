"""What metrics need of Kafka: how much is still to be done, and the last closed window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from time import monotonic
from typing import Any

from app.kafka.backlog import Offsets
from app.page.windows import Windows
from app.pipeline.model import Pipeline
from topics.codecs import UNDECODABLE, Codec
from topics.metrics import WindowMetrics
from topics.records import Record

OLD_SECONDS = 60.0
"""After so long without a look at the offsets nobody knows how many records wait."""


class Scraped:
    """A feed of few figures; see ``Feed``. One thread may write while others read.

    Args:
        pipeline: Names the topics.

    Attributes:
        topics: That of the metrics, if there is one.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._lock = Lock()
        self._windows = Windows()
        self._inputs: Sequence[Offsets] = ()
        self._at = -OLD_SECONDS
        metrics = pipeline.metrics
        self.topics = () if metrics is None else (metrics.topic,)
        self._window: Callable[[bytes], WindowMetrics] = Codec(
            metrics.format if metrics else "json"
        ).decoder(WindowMetrics)

    def read(self, record: Record) -> None:
        """Take a record of the metrics topic."""
        value = record.value()
        if value is None:
            return
        try:
            window = self._window(value)
        except UNDECODABLE:
            return
        with self._lock:
            self._windows.add(window, 1)

    def progress(self, now: float, topics: Sequence[Offsets]) -> None:
        """Note how far the inputs are done."""
        with self._lock:
            self._inputs, self._at = topics, monotonic()

    def caught_up(self) -> None:
        """Nothing: windows that are still to come are later ones."""

    def waiting(self) -> dict[tuple[str, int], int]:
        """Records that are not done, by topic and partition; empty where nobody knows."""
        with self._lock:
            if monotonic() - self._at > OLD_SECONDS:
                return {}
            return {(t.topic, n): count for t in self._inputs for n, count in t.records.items()}

    def closed(self) -> dict[str, Any] | None:
        """The last window that is final in all partitions that spoke of it."""
        with self._lock:
            final = [window for window in self._windows.since(0) if window["final"]]
        return final[-1] if final else None
