"""The health check of a container asks where its worker answers, whatever is around it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from app import healthcheck


class Answers(BaseHTTPRequestHandler):
    """Says at /health what its server is told to."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(Answers.status if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    Answers.status = 200
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def check(monkeypatch: pytest.MonkeyPatch, folder: Path, *command: str, **environ: str) -> int:
    line = folder / "cmdline"
    line.write_bytes("\0".join(["python", "riverrun", *command, ""]).encode())
    monkeypatch.setattr(sys, "argv", ["healthcheck", str(line)])
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return healthcheck.main()


@pytest.mark.parametrize("proxy", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_a_proxy_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, port: int, proxy: str
) -> None:
    given = {proxy: "http://127.0.0.1:9", "RIVERRUN_WORKER__WEB_PORT": str(port)}
    assert check(monkeypatch, tmp_path, "worker", "p.toml", **given) == 0


@pytest.mark.parametrize("form", [["--set", "worker.web_port={}"], ["--set=worker.web_port={}"]])
def test_the_port_is_that_of_the_command_line_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, port: int, form: list[str]
) -> None:
    words = [word.format(port) for word in form]
    given = {"RIVERRUN_WORKER__WEB_PORT": "9"}
    assert check(monkeypatch, tmp_path, "worker", "p.toml", *words, **given) == 0


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ("127.0.0.1", "6066")),
        ({"RIVERRUN_WORKER__WEB_HOST": "0.0.0.0"}, ("127.0.0.1", "6066")),
        ({"RIVERRUN_WORKER__WEB_HOST": "10.0.0.3"}, ("10.0.0.3", "6066")),
        ({"riverrun_worker__web_host": "::1"}, ("[::1]", "6066")),
    ],
)
def test_the_host_is_the_workers(environ: dict[str, str], expected: tuple[str, str]) -> None:
    assert healthcheck.place(["riverrun", "worker", "p.toml"], environ) == expected


def test_a_worker_that_is_not_ready_is_not_healthy(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    port: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Answers.status = 503
    given = {"RIVERRUN_WORKER__WEB_PORT": str(port)}
    assert check(monkeypatch, tmp_path, "worker", **given) == 1
    assert capsys.readouterr().out == f"http://127.0.0.1:{port}/health: 503\n"


def test_every_other_command_is_well_while_it_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = {"RIVERRUN_WORKER__WEB_PORT": "9"}
    assert check(monkeypatch, tmp_path, "replay", "p.toml", **given) == 0


SINK = '[sinks.lake]\ntype = "parquet"\nurl = "/data"\nweb_port = {}\n'


@pytest.mark.parametrize(
    ("words", "environ", "expected"),
    [
        ([], {}, ("127.0.0.1", "7")),
        ([], {"RIVERRUN_SINKS__LAKE__WEB_PORT": "8"}, ("127.0.0.1", "8")),
        ([], {"riverrun_sinks__lake__web_host": "10.0.0.3"}, ("10.0.0.3", "7")),
        ([], {"RIVERRUN_SINKS__DESK__WEB_PORT": "8"}, ("127.0.0.1", "7")),
        (["--set", "sinks.lake.web_port=9"], {"RIVERRUN_SINKS__LAKE__WEB_PORT": "8"}, None),
        (["--log-level", "debug", "--set=sinks.lake.web_port=9"], {}, None),
    ],
)
def test_a_sink_is_asked_at_its_port(
    tmp_path: Path, words: list[str], environ: dict[str, str], expected: tuple[str, str] | None
) -> None:
    file = tmp_path / "p.toml"
    file.write_text(SINK.format(7))
    command = ["riverrun", "sink", *words, str(file), "lake", ""]
    assert healthcheck.place(command, environ) == (expected or ("127.0.0.1", "9"))


def test_a_sink_that_does_not_write_is_not_healthy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, port: int
) -> None:
    file = tmp_path / "p.toml"
    file.write_text(SINK.format(port))
    assert check(monkeypatch, tmp_path, "sink", str(file), "lake") == 0
    Answers.status = 503
    assert check(monkeypatch, tmp_path, "sink", str(file), "lake") == 1


def test_a_sink_without_a_port_is_well_while_it_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert check(monkeypatch, tmp_path, "sink", str(tmp_path / "none.toml"), "lake") == 0
