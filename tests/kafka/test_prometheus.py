"""A real Prometheus scrapes a real worker: its rules are valid and its dashboard has figures."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from app.local_kafka.broker import free_ports
from tests.kafka.running import Stream, stream, synthetic, wait_until, workers

MONITORING = Path(__file__).parents[2] / "docs" / "monitoring"
FOLDER = os.environ.get("RIVERRUN_TEST_PROMETHEUS")
"""Of the programs of a release, where they are not on the PATH."""
PROMETHEUS, PROMTOOL = (shutil.which(name, path=FOLDER) for name in ("prometheus", "promtool"))

pytestmark = pytest.mark.skipif(
    not (PROMETHEUS and PROMTOOL),
    reason="no prometheus and promtool on the PATH or in the folder RIVERRUN_TEST_PROMETHEUS",
)
LEARNER = {"type": "logistic_regression", "drift": {"detector": "page_hinkley"}}
ALERTS = {"threshold": 0.9}
EVENTS, BAD = 500, 3
ELSEWHERE = {"Drifts, last day", "Labels", "Waiting", "Money saved in the last closed window"}
"""Panels of what this pipeline has not: labels of their own topic, money, drifts."""


def send(events: Stream, first: bool) -> None:
    """In a transaction, so that the last offset is a marker that nobody ever reads."""
    topic = events.pipeline.events.topic
    producer = Producer({"bootstrap.servers": events.bootstrap, "transactional.id": topic})
    producer.init_transactions(30)
    producer.begin_transaction()
    for number, event in enumerate(synthetic(1 + first, EVENTS)):
        time = 1_700_000_000_000 + (number + EVENTS * (not first)) * 60_000
        producer.produce(topic, json.dumps(event).encode(), b"k", timestamp=time)
    for _ in range(BAD):
        producer.produce(topic, b"{", b"k", timestamp=1_700_000_000_000)
    producer.commit_transaction(30)


@contextmanager
def prometheus(folder: Path, port: int, worker: int) -> Iterator[None]:
    config = folder / "prometheus.yml"
    said = (MONITORING / "prometheus.yml").read_text()
    said = said.replace("15s", "1s").replace("127.0.0.1:6066", f"127.0.0.1:{worker}")
    config.write_text(said.replace("alerts.yml", str(MONITORING / "alerts.yml")))
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(str(PROMETHEUS), f"--config.file={config}"),
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
        try:
            yield
        finally:
            process.kill()
            process.wait()


def ask(port: int, path: str, **query: str) -> Any:
    """What the API of Prometheus says; None while it does not answer yet."""
    url = f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        if error.code == 503:  # it starts
            return None
        raise AssertionError(f"{query}: {error.read().decode()}") from None
    except urllib.error.URLError:
        return None


def figure(port: int, expr: str) -> float | None:
    found = ask(port, "query", query=expr)
    return float(found["result"][0]["value"][1]) if found and found["result"] else None


def promtool(*words: str, said: bytes = b"") -> None:
    done = subprocess.run([str(PROMTOOL), *words], input=said, capture_output=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, b""), done.stdout


def test_prometheus_reads_a_worker_and_the_dashboard_and_the_rules_have_what_they_ask_for(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    name = topic_name
    tables: dict[str, Any] = {
        "decisions": ALERTS,
        "metrics": {"topic": f"{name}.metrics.v1", "window": "1h"},
    }
    events = stream(kafka, tmp_path, name, LEARNER, **tables)
    page, port = free_ports(None)
    send(events, first=True)
    with workers(events, "a", **{"worker.web_port": str(page)}), prometheus(tmp_path, port, page):

        def scored() -> float | None:
            return figure(port, "riverrun_predictions_total")

        wait_until(lambda: scored() == EVENTS, what="the first scrape")
        wait_until(lambda: figure(port, "sum(riverrun_lag_records)") == 0, what="a lag of 0")
        send(events, first=False)
        wait_until(lambda: scored() == 2 * EVENTS, what="a later scrape")
        wait_until(lambda: figure(port, "sum(riverrun_lag_records)") == 0, what="no lag again")
        assert figure(port, 'riverrun_rejected_records_total{stage="decode"}') == 2 * BAD
        assert figure(port, "riverrun_prediction_latency_seconds_count") == 2 * EVENTS
        assert figure(port, "sum(riverrun_model_version)") == 2 * EVENTS
        quality = 'riverrun_window_quality{scorer="model", measure="roc_auc"}'
        wait_until(lambda: (figure(port, quality) or 0) > 0.5, what="the quality of a window")

        for title, expr in queries():
            found = ask(port, "query", query=expr)
            assert found["result"] or title in ELSEWHERE, (title, expr)
        rules = ask(port, "rules")["groups"][0]["rules"]
        assert {rule["lastError"] for rule in rules if "lastError" in rule} <= {""}
        with urllib.request.urlopen(f"http://127.0.0.1:{page}/metrics", timeout=10) as answer:
            promtool("check", "metrics", said=answer.read())
    promtool("check", "rules", str(MONITORING / "alerts.yml"))
    promtool("check", "config", str(MONITORING / "prometheus.yml"))


def queries() -> list[tuple[str, str]]:
    """Title and query of each line of the dashboard, as Grafana sends them."""
    board = json.loads((MONITORING / "grafana.json").read_text())
    return [
        (
            panel["title"],
            target["expr"].replace("$__rate_interval", "1m").replace("$pipeline", ".*"),
        )
        for panel in board["panels"]
        for target in panel["targets"]
    ]
