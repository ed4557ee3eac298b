"""A real Prometheus for the tests, where there is one."""

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

MONITORING = Path(__file__).parents[3] / "docs" / "monitoring"
FOLDER = os.environ.get("RIVERRUN_TEST_PROMETHEUS")
"""Of the programs of a release, where they are not on the PATH."""
PROMETHEUS, PROMTOOL = (shutil.which(name, path=FOLDER) for name in ("prometheus", "promtool"))

needs_prometheus = pytest.mark.skipif(
    not (PROMETHEUS and PROMTOOL),
    reason="no prometheus and promtool on the PATH or in the folder RIVERRUN_TEST_PROMETHEUS",
)


def queries() -> list[str]:
    """Those of the dashboard, as Grafana would send them for all pipelines."""
    board = json.loads((MONITORING / "grafana.json").read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return [expr.replace("$__rate_interval", "1m").replace("$pipeline", ".*") for expr in asked]


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
