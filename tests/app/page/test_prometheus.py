"""A real Prometheus scrapes the page: the rules are valid, and the dashboard has figures."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from app.kafka.backlog import Offsets
from app.page.metrics import WorkerMetrics
from app.page.scraped import Scraped
from app.worker.measures import Histogram
from tests.app.page.prometheus import (
    MONITORING,
    needs_prometheus,
    prometheus,
    promtool,
    queries,
    soon,
)
from tests.app.page.test_browser import Shop, served
from tests.app.page.test_metrics import PIPELINE, said, window
from tests.app.page.test_server import Busy


class Working(Busy):
    """A worker that goes on with each scrape."""

    def __init__(self) -> None:
        self.scraped = Scraped(PIPELINE)
        self.metrics = WorkerMetrics(PIPELINE, self.scraped)
        self.times = Histogram((0.1, 1.0))
        self.count = 0
        self.scraped.read(window(0, 0, final=True, precision=0.6))

    def text(self, health: Any, _: Any) -> bytes:
        self.count += 10
        self.times.observe(0.05, 10)
        self.scraped.progress(0.0, [Offsets("events", {0: 5}, {0: 9}, {0: 3})])
        times = dict.fromkeys(("latency", "commits", "restores"), self.times.said())
        return self.metrics.text(health, said(predictions=self.count, **times))


@needs_prometheus
def test_the_dashboard_and_the_rules_find_what_they_ask_for(tmp_path: Path) -> None:
    with served(Shop(), metrics=Working()) as page, prometheus(tmp_path, page) as api:
        soon(api, "rate(riverrun_predictions_total[1m]) > 0")
        soon(api, 'riverrun_window_quality{scorer="model", measure="average_precision"} == 0.6')
        assert soon(api, "sum(riverrun_lag_records)")[0]["value"][1] == "3"
        for expr in queries():
            if "saved" in expr and "!=" not in expr:
                continue  # this window has no money
            assert soon(api, expr)
        with urllib.request.urlopen(f"{api}/rules", timeout=60) as answer:
            rules = json.load(answer)["data"]["groups"][0]["rules"]
        assert {rule.get("lastError", "") for rule in rules} == {""}
        with urllib.request.urlopen(f"{page}metrics", timeout=60) as answer:
            promtool("check", "metrics", text=answer.read())
    promtool("check", "rules", str(MONITORING / "alerts.yml"))
    promtool("check", "config", str(MONITORING / "prometheus.yml"))
