"""The metrics of a worker: what it said and what is on Kafka, in Prometheus' own format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Message
from prometheus_client.parser import text_string_to_metric_families

from agents.labels.counts import JoinCounts
from app.kafka.backlog import Offsets
from app.page import scraped as scraped_module
from app.page.metrics import WorkerMetrics
from app.page.scraped import Scraped
from app.pipeline.load import load_pipeline
from app.worker.measures import Histogram
from topics.metrics import BaselineMetrics, WindowMetrics

PIPELINE = load_pipeline(Path(__file__).parents[3] / "pipelines" / "fraud.toml", environ={})


def said(**changed: Any) -> dict[str, Any]:
    latency = Histogram((0.1, 1.0))
    latency.observe(0.05, 7)
    latency.observe(5.0)
    counts = JoinCounts(waiting=3, unmatched=2, learned=40, unknown=1)
    named = {name: getattr(counts, name) for name in counts.__slots__}
    return {
        "records": 60,
        "predictions": 50,
        "learned": 40,
        "last_learned": 1000.5,
        "rejected": {"decode": 2},
        "latency": latency.said(),
        "commits": Histogram((1.0,)).said(),
        "restores": Histogram((1.0,)).said(),
        "models": {"0": {"version": 40, "drifts": None}, "1": {"version": 9, "drifts": 2}},
        "labels": {"0": named},
        **changed,
    }


def figures(metrics: WorkerMetrics, measured: dict[str, Any]) -> dict[tuple[str, ...], float]:
    """By the name and the values of the labels, in order of their names."""
    text = metrics.text({"ready": True}, measured).decode()
    return {
        (sample.name, *(v for k, v in sorted(sample.labels.items()) if k != "pipeline")): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def window(partition: int, start: int, *, final: bool, precision: float) -> Any:
    model = BaselineMetrics(10, average_precision=precision)
    value = WindowMetrics(start, start + 5000, partition, final, 0, 5, 12, 10, 2, 1, model=model)
    data = msgspec.json.encode(value)
    assert PIPELINE.metrics is not None
    return Message(topic=PIPELINE.metrics.topic, partition=partition, offset=0, value=data)


def test_each_figure_of_the_worker_is_there_under_its_labels() -> None:
    seen = figures(WorkerMetrics(PIPELINE, Scraped(PIPELINE)), said())
    assert seen["riverrun_input_records_total",] == 60
    assert seen["riverrun_predictions_total",] == 50
    assert seen["riverrun_learned_events_total",] == 40
    assert seen["riverrun_rejected_records_total", "decode"] == 2
    assert seen["riverrun_rejected_records_total", "learn"] == 0
    assert seen["riverrun_prediction_latency_seconds_bucket", "0.1"] == 7
    assert seen["riverrun_prediction_latency_seconds_bucket", "1"] == 7
    assert seen["riverrun_prediction_latency_seconds_bucket", "+Inf"] == 8
    assert seen["riverrun_prediction_latency_seconds_sum",] == pytest.approx(5.35)
    assert seen["riverrun_model_version", "1"] == 9
    assert seen["riverrun_model_last_learned_timestamp_seconds",] == 1000.5
    assert seen["riverrun_drifts_total", "1"] == 2
    assert ("riverrun_drifts_total", "0") not in seen
    assert seen["riverrun_labels_total", "matched", "0"] == 40
    assert seen["riverrun_labels_total", "unknown", "0"] == 1
    assert seen["riverrun_unmatched_labels", "0"] == 2
    assert seen["riverrun_waiting_events", "0"] == 3
    assert seen["riverrun_ready",] == 1


def test_a_worker_that_was_not_heard_of_has_no_figures_but_is_not_ready() -> None:
    metrics = WorkerMetrics(PIPELINE, Scraped(PIPELINE))
    text = metrics.text({"ready": False}, {}).decode()
    assert "riverrun_ready{" in text
    assert "riverrun_predictions_total" not in text


def test_the_quality_is_that_of_the_last_window_that_is_closed_everywhere() -> None:
    scraped = Scraped(PIPELINE)
    for partition, precision in enumerate((0.2, 0.6)):
        scraped.read(window(partition, 0, final=True, precision=0.1))
        scraped.read(window(partition, 5000, final=True, precision=precision))
    scraped.read(window(0, 10_000, final=True, precision=0.9))
    scraped.read(window(1, 10_000, final=False, precision=0.9))
    seen = figures(WorkerMetrics(PIPELINE, scraped), said())
    assert seen["riverrun_window_quality", "average_precision", "model"] == 0.4
    assert seen["riverrun_window_end_timestamp_seconds",] == 10
    assert seen["riverrun_window_events",] == 24


def test_the_lag_goes_where_nobody_has_looked_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    scraped = Scraped(PIPELINE)
    metrics = WorkerMetrics(PIPELINE, scraped)
    scraped.progress(0.0, [Offsets("events", {0: 5}, {0: 9}, {0: 3})])
    assert figures(metrics, said())["riverrun_lag_records", "0", "events"] == 3
    monkeypatch.setattr(scraped_module, "OLD_SECONDS", -1.0)
    assert ("riverrun_lag_records", "0", "events") not in figures(metrics, said())
