"""The health and the metrics of a sink, over HTTP."""

import json
import socket
import urllib.error
import urllib.request

import pytest

from app.page.process import PortTaken
from app.sinks.report import Report
from app.sinks.serving import serving


def ask(port: int, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_health_is_503_until_rows_are_written_and_while_the_store_is_away() -> None:
    report = Report("p", "s", {})
    with serving(report, "127.0.0.1", None, "sinks.s.web_port") as port:
        assert ask(port, "/healthz")[0] == 200
        assert ask(port, "/health")[0] == 503
        report.ready()
        status, body = ask(port, "/readyz")
        assert (status, json.loads(body)["ready"]) == (200, True)
        report.away("no route to host")
        status, body = ask(port, "/health")
        assert status == 503
        assert json.loads(body)["reasons"] == ["the store is away: no route to host"]
        status, body = ask(port, "/metrics")
        assert status == 200
        assert b'riverrun_sink_store_away{pipeline="p",sink="s"} 1.0' in body


def test_a_port_that_is_taken_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.page.process.LISTEN_SECONDS", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        served = serving(Report("p", "s", {}), "127.0.0.1", port, "sinks.s.web_port")
        with pytest.raises(PortTaken, match=f"sinks.s.web_port = {port}: cannot listen"):
            served.__enter__()
