"""The metrics of a worker in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from agents.evaluation.figures import RIVALS
from app.page.scraped import Scraped
from app.pipeline.model import Pipeline

STAGES = ("decode", "validate", "features", "predict", "learn")
OUTCOMES = {
    "matched": "learned",
    "early": "early",
    "repeated": "doubled",
    "corrected": "corrected",
    "unknown": "unknown",
}
"""The value of the label ``outcome``, and the count that it is of."""

Values = Iterable[tuple[tuple[str, ...], float | None]]
"""Values of labels, and the figure; None where there is none."""


class WorkerMetrics(Collector):
    """What a worker said of itself, and what its page read on Kafka, as metrics.

    Args:
        pipeline: Gives the label ``pipeline`` of each of them.
        scraped: What was read on Kafka.
    """

    def __init__(self, pipeline: Pipeline, scraped: Scraped) -> None:
        self._pipeline = pipeline
        self._scraped = scraped
        self._said: Mapping[str, Any] = {}
        self._health: Mapping[str, Any] = {}

    def text(self, health: Mapping[str, Any], said: Mapping[str, Any]) -> bytes:
        """The metrics now; `said` is empty where the worker was not heard of yet."""
        self._health, self._said = health, said
        registry = CollectorRegistry()
        registry.register(self)
        return generate_latest(registry)

    def describe(self) -> Iterable[Metric]:
        """Nothing: the names are seen when they are collected."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All families."""
        info = ((self._pipeline.learner.type,), 1)
        yield self._gauge("pipeline_info", "The pipeline of this worker.", ("learner",), [info])
        ready = float(bool(self._health.get("ready")))
        yield self._gauge(
            "ready", "1 where the worker has its partitions and works.", (), _one(ready)
        )
        if self._said:
            yield from self._work()
            yield from self._times()
            yield from self._models()
            if self._pipeline.labels is not None:
                yield from self._labels()
        yield from self._of_kafka()

    def _work(self) -> Iterator[Metric]:
        said = self._said
        for key, name, text in (
            ("records", "input_records", "Records of all inputs that were processed."),
            ("predictions", "predictions", "Events that were scored."),
            ("learned", "learned_events", "Events that were learned."),
        ):
            yield self._counter(name, text, (), _one(said[key]))
        stages = dict.fromkeys(STAGES, 0) | said["rejected"]
        rejected = [((stage,), count) for stage, count in stages.items()]
        yield self._counter(
            "rejected_records", "Records that became dead letters.", ("stage",), rejected
        )

    def _times(self) -> Iterator[Metric]:
        for key, name, text in (
            ("latency", "prediction_latency_seconds", "From an event's timestamp to its commit."),
            ("commits", "commit_seconds", "How long transactions took that were committed."),
            ("restores", "restore_seconds", "How long it took to restore an assignment."),
        ):
            yield self._histogram(name, text, self._said[key])

    def _models(self) -> Iterator[Metric]:
        models = self._said["models"].items()
        yield self._gauge(
            *("model_version", "Events that the model has learned.", ("partition",)),
            [((partition,), model["version"]) for partition, model in models],
        )
        yield self._gauge(
            *("model_last_learned_timestamp_seconds", "When this worker learned last.", ()),
            _one(self._said["last_learned"]),
        )
        yield self._counter(
            *("drifts", "Drifts that the watch over the model has found.", ("partition",)),
            [((partition,), model["drifts"]) for partition, model in models],
        )

    def _labels(self) -> Iterator[Metric]:
        labels = self._said["labels"].items()
        yield self._counter(
            *("labels", "Labels by what became of them.", ("partition", "outcome")),
            [((p, name), counts[key]) for p, counts in labels for name, key in OUTCOMES.items()],
        )
        yield self._counter(
            *("expired_events", "Events that got no label in time.", ("partition",)),
            [((p,), counts["expired"]) for p, counts in labels],
        )
        for key, name, text in (
            ("waiting", "waiting_events", "Events that wait for their label."),
            ("unmatched", "unmatched_labels", "Labels that wait for their event."),
        ):
            values = [((p,), counts[key]) for p, counts in labels]
            yield self._gauge(name, text, ("partition",), values)

    def _of_kafka(self) -> Iterator[Metric]:
        waiting = self._scraped.waiting().items()
        yield self._gauge(
            *("lag_records", "Records of the inputs that are not done, of all workers."),
            ("topic", "partition"),
            [((topic, str(number)), count) for (topic, number), count in waiting],
        )
        window = self._scraped.closed()
        if window is not None:
            yield from self._window(window)

    def _window(self, window: Mapping[str, Any]) -> Iterator[Metric]:
        yield self._gauge(
            *("window_quality", "How good the last closed window was.", ("scorer", "measure")),
            [((r, name), v) for r in RIVALS for name, v in window.get(r, {}).items()],
        )
        yield self._gauge(
            *("window_end_timestamp_seconds", "The end of the last closed window.", ()),
            _one(window["end"] / 1000),
        )
        for key in ("events", "labelled", "alerts"):
            text = f"Of the last closed window: {key}."
            yield self._gauge(f"window_{key}", text, (), _one(window[key]))

    def _counter(self, name: str, text: str, labels: tuple[str, ...], values: Values) -> Metric:
        return self._filled(CounterMetricFamily, name, text, labels, values)

    def _gauge(self, name: str, text: str, labels: tuple[str, ...], values: Values) -> Metric:
        return self._filled(GaugeMetricFamily, name, text, labels, values)

    def _filled(
        self,
        kind: type[CounterMetricFamily] | type[GaugeMetricFamily],
        name: str,
        text: str,
        labels: tuple[str, ...],
        values: Values,
    ) -> Metric:
        family = kind(f"riverrun_{name}", text, labels=("pipeline", *labels))
        for label_values, value in values:
            if value is not None:
                family.add_metric((self._pipeline.name, *label_values), value)
        return family

    def _histogram(self, name: str, text: str, said: Mapping[str, Any]) -> Metric:
        family = HistogramMetricFamily(f"riverrun_{name}", text, labels=("pipeline",))
        bounds = [*(f"{bound:g}" for bound in said["bounds"]), "+Inf"]
        buckets = list(zip(bounds, accumulate(said["counts"]), strict=True))
        family.add_metric((self._pipeline.name,), buckets, said["sum"])
        return family


def _one(value: float | None) -> Values:
    return [((), value)]
