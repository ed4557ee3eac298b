"""What a sink says of itself: its health, and its metrics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from threading import Lock
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from app.worker.measures import COMMITS, Histogram

STARTING = "it starts and joins the group"


class Report(Collector):
    """Is told by the thread of the sink, and asked by that of the server.

    Args:
        pipeline: Its name.
        sink: Its name.
        rejected: How many records were set aside, by stage.
    """

    def __init__(self, pipeline: str, sink: str, rejected: Mapping[str, int]) -> None:
        self._lock = Lock()
        self._names = {"pipeline": pipeline, "sink": sink}
        self._rejected = rejected
        self._reason = STARTING
        self._is_away = False
        self._rows = self._batches = self._outages = 0
        self._times = Histogram(COMMITS)
        self._partitions: Sequence[int] = ()
        self._positions: dict[int, int] = {}
        self._ends: Mapping[int, int] = {}

    def ready(self) -> None:
        """It has its partitions, and the store answers."""
        self._reason = ""

    def away(self, why: str) -> None:
        """The store does not answer."""
        with self._lock:
            self._outages += not self._is_away
            self._is_away = True
            self._reason = f"the store is away: {why}"

    def back(self) -> None:
        """The store answers."""
        self._is_away = False

    def placed(self, positions: Mapping[int, int]) -> None:
        """It reads on from these positions."""
        self._positions = dict(positions)

    def seen(self, partitions: Sequence[int], ends: Mapping[int, int]) -> None:
        """Which partitions it has, and where they end."""
        self._partitions, self._ends = partitions, ends

    def written(self, positions: Mapping[int, int], rows: int, seconds: float) -> None:
        """A batch is in the store."""
        with self._lock:
            self._positions |= positions
            self._rows += rows
            self._batches += 1
            self._times.observe(seconds)

    def health(self) -> dict[str, Any]:
        """Whether it does its work, and on what."""
        with self._lock:
            return {
                **self._names,
                "ready": not self._reason,
                "reasons": [self._reason] if self._reason else [],
                "partitions": list(self._partitions),
                "rows": self._rows,
                "batches": self._batches,
                "rejected": sum(self._rejected.values()),
                "lag": self._lag(),
            }

    def metrics(self) -> bytes:
        """In the text format of Prometheus."""
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)

    def describe(self) -> Iterable[Metric]:
        """Nothing: the names are seen when they are collected."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All families."""
        with self._lock:
            yield self._gauge("ready", "1 where rows are written.", float(not self._reason))
            yield self._gauge("store_away", "1 while the store is away.", float(self._is_away))
            yield self._counter("outages", "How often the store was away.", self._outages)
            yield self._counter("rows", "Rows that are in the store.", self._rows)
            yield self._counter("batches", "Batches that are in the store.", self._batches)
            yield self._counter(
                *("rejected_records", "Records set aside.", sum(self._rejected.values()))
            )
            yield self._gauge("lag_records", "Offsets that are not written.", self._lag())
            yield self._write_seconds()

    def _lag(self) -> int:
        return sum(max(0, end - self._positions.get(n, 0)) for n, end in self._ends.items())

    def _gauge(self, name: str, text: str, value: float) -> Metric:
        family = GaugeMetricFamily(f"riverrun_sink_{name}", text, labels=list(self._names))
        family.add_metric(list(self._names.values()), value)
        return family

    def _counter(self, name: str, text: str, value: float) -> Metric:
        family = CounterMetricFamily(f"riverrun_sink_{name}", text, labels=list(self._names))
        family.add_metric(list(self._names.values()), value)
        return family

    def _write_seconds(self) -> Metric:
        said = self._times.said()
        bounds = [*(f"{bound:g}" for bound in said["bounds"]), "+Inf"]
        buckets = list(zip(bounds, accumulate(said["counts"]), strict=True))
        text = "How long the writes of batches took."
        family = HistogramMetricFamily(
            "riverrun_sink_write_seconds", text, labels=list(self._names)
        )
        family.add_metric(list(self._names.values()), buckets, said["sum"])
        return family
