"""A real Prometheus scrapes the page: the rules are valid, and the dashboard has figures."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.local_kafka.broker import free_ports
from app.page.metrics import WorkerMetrics
from app.page.progress import Offsets
from app.page.scraped import Scraped
from app.worker.measures import Histogram
from tests.app.page.test_browser import Shop, served
from tests.app.page.test_metrics import PIPELINE, said, window
from tests.app.page.test_server import Busy

MONITORING = Path(__file__).parents[3] / "docs" / "monitoring"
FOLDER = os.environ.get("RIVERRUN_TEST_PROMETHEUS")
"""Of the programs of a release, where they are not on the PATH."""
PROMETHEUS, PROMTOOL = (shutil.which(name, path=FOLDER) for name in ("prometheus", "promtool"))

pytestmark = pytest.mark.skipif(
    not (PROMETHEUS and PROMTOOL),
    reason="no prometheus and promtool on the PATH or in the folder RIVERRUN_TEST_PROMETHEUS",
)


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


@contextmanager
def prometheus(folder: Path, page: str) -> Iterator[str]:
    """Prometheus with the configuration of the docs; its address, once it listens."""
    config, log = folder / "prometheus.yml", folder / "prometheus.log"
    text = (MONITORING / "prometheus.yml").read_text().replace("15s", "1s")
    text = text.replace("127.0.0.1:6066", urllib.parse.urlsplit(page).netloc)
    config.write_text(text.replace("alerts.yml", str(MONITORING / "alerts.yml")))
    port, _ = free_ports(None)
    arguments = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(PROMETHEUS), *arguments, f"--web.listen-address=127.0.0.1:{port}"],
            stdout=output,
            stderr=output,
        )
        try:
            yield f"http://127.0.0.1:{port}/api/v1"
        finally:
            process.kill()
            process.wait()


def ask(api: str, expr: str) -> list[Any]:
    """The result of a query; empty while Prometheus starts."""
    url = f"{api}/query?{urllib.parse.urlencode({'query': expr})}"
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return list(json.load(answer)["data"]["result"])
    except urllib.error.HTTPError as error:
        if error.code == 503:
            return []
        raise AssertionError(f"{expr}: {error.read().decode()}") from None
    except urllib.error.URLError:
        return []


def soon(api: str, expr: str) -> list[Any]:
    """The result of a query, once there is one."""
    deadline = time.monotonic() + 120
    while not (found := ask(api, expr)):
        assert time.monotonic() < deadline, expr
        time.sleep(0.2)
    return found


def promtool(*words: str, text: bytes = b"") -> None:
    """Let promtool check something; it says nothing where all is well."""
    done = subprocess.run([str(PROMTOOL), *words], input=text, capture_output=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, b""), done.stdout


def test_the_dashboard_and_the_rules_find_what_they_ask_for(tmp_path: Path) -> None:
    board = json.loads((MONITORING / "grafana.json").read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    with served(Shop(), metrics=Working()) as page, prometheus(tmp_path, page) as api:
        soon(api, "rate(riverrun_predictions_total[1m]) > 0")
        soon(api, 'riverrun_window_quality{scorer="model", measure="average_precision"} == 0.6')
        assert soon(api, "sum(riverrun_lag_records)")[0]["value"][1] == "3"
        for expr in queries:
            if "saved" in expr and "!=" not in expr:
                continue  # this window has no money
            assert soon(api, expr.replace("$__rate_interval", "1m").replace("$pipeline", ".*"))
        with urllib.request.urlopen(f"{api}/rules", timeout=60) as answer:
            rules = json.load(answer)["data"]["groups"][0]["rules"]
        assert {rule.get("lastError", "") for rule in rules} == {""}
        with urllib.request.urlopen(f"{page}metrics", timeout=60) as answer:
            promtool("check", "metrics", text=answer.read())
    promtool("check", "rules", str(MONITORING / "alerts.yml"))
    promtool("check", "config", str(MONITORING / "prometheus.yml"))
