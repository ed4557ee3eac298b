"""A real worker on a real Kafka, watched by a real Chromium and a real Prometheus."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from app.local_kafka.broker import free_ports
from tests.app.page.browser import chromium, opened, overflow
from tests.app.page.prometheus import ask, needs_prometheus, prometheus, queries, soon
from tests.kafka.running import Stream, stream, synthetic, wait_until, workers
from tests.kafka.support import read_committed

COUNT, WIDTHS = 400, (1280, 390)
LEARNER = {"type": "logistic_regression", "scale": True}


class Watched(NamedTuple):
    """A worker that has done all there is.

    Attributes:
        url: Of its page.
        stream: What it did.
    """

    url: str
    stream: Stream

    def said(self, table: str) -> list[dict[str, object]]:
        """What it wrote to the topic of a table of the file, in order."""
        topic = getattr(self.stream.pipeline, table).topic
        records = read_committed(self.stream.bootstrap, topic)
        return [json.loads(record.value() or b"") for record in records]


@pytest.fixture(scope="module")
def watched(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Events with their labels, of which some are alerts."""
    folder = tmp_path_factory.mktemp("watched")
    made = stream(
        *(kafka, folder, "watched", LEARNER),
        metrics={"topic": "watched.metrics.v1", "window": "500ms"},
        decisions={"topic": "watched.alerts.v1", "threshold": 0.5, "reasons": 2},
    )
    made.send(0, synthetic(7, COUNT))
    port = free_ports(None)[0]
    with workers(made, "w", **{"worker.web_port": str(port)}):
        made.predictions()
        yield Watched(f"http://127.0.0.1:{port}/", made)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_numbers_of_the_page_are_those_on_kafka(watched: Watched, width: int) -> None:
    with chromium() as browser:
        page, errors = opened(browser, watched.url, width)
        page.locator("#pipeline-counts dt", has_text="events to be read").wait_for()
        page.locator("#worker summary").click()
        counts = page.locator("#worker-counts")
        told = dict(
            zip(
                counts.locator("dt").all_inner_texts(),
                counts.locator("dd").all_inner_texts(),
                strict=True,
            )
        )
        assert told["scored"] == told["learned"] == str(COUNT)
        alerts = {f"{float(str(alert['score'])):.3f}" for alert in watched.said("decisions")}
        page.locator("#latest .alert").nth(4).wait_for()
        assert set(page.locator("#latest .alert .score b").all_inner_texts()) <= alerts
        assert overflow(page) == 0
        assert errors == []


@needs_prometheus
def test_prometheus_scrapes_the_worker_and_the_dashboard_has_its_figures(
    watched: Watched, tmp_path: Path
) -> None:
    with prometheus(tmp_path, watched.url) as api:
        name = watched.stream.pipeline.name
        total = soon(api, f'riverrun_predictions_total{{pipeline="{name}"}}')
        assert total[0]["value"][1] == str(COUNT)
        wait_until(lambda: ask(api, "sum(riverrun_lag_records) == 0"), what="a lag of 0")
        assert ask(api, "riverrun_ready")[0]["value"][1] == "1"
        assert soon(api, "riverrun_model_version")[0]["value"][1] == str(COUNT)
        for expr in queries():
            assert ask(api, expr) is not None
