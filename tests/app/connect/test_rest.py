"""Kafka Connect that cannot be asked is said in one line, without a login."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from app.cli import main
from app.connect.rest import Connect, ConnectAway, ConnectError
from tests.app.pipeline.test_connectors import LAKE, MONGO
from tests.app.pipeline_files import SMALLEST
from tests.app.sinks.test_settings import SINK


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["sinks", *words])
    assert isinstance(left.value.code, int)
    return left.value.code


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "p.toml"
    found.write_text(SMALLEST + MONGO + LAKE)
    return found


def test_an_address_that_is_none_is_refused_without_its_login() -> None:
    with pytest.raises(ConnectError, match=r"ftp://\*\*\*@connect: must be a URL such as"):
        Connect("ftp://ann:geheim@connect")


def test_one_that_is_away_is_named_without_its_login(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ConnectAway, match="refused"):
        Connect(f"http://127.0.0.1:{port}").status("x")
    assert run(str(file), "--connect", f"http://ann:geheim@127.0.0.1:{port}", "--status") == 1
    line = capsys.readouterr().err
    assert f"no Kafka Connect at http://127.0.0.1:{port}" in line
    assert "geheim" not in line


def test_each_connector_gets_a_file_as_connect_takes_it(file: Path, tmp_path: Path) -> None:
    assert run(str(file), "--out", str(tmp_path / "out")) == 0
    found = {path.name: json.loads(path.read_text()) for path in (tmp_path / "out").iterdir()}
    assert set(found) == {"p.mongo.json", "p.lake.json"}
    for name, text in found.items():
        assert name == f"{text['name']}.json"
        assert text["config"]["topics"] == "p.predictions.v1"


@pytest.mark.parametrize("words", [["--status"], ["--connect", "http://x", "--status", "--delete"]])
def test_options_that_do_not_go_together_are_a_wrong_command_line(
    file: Path, words: list[str]
) -> None:
    assert run(str(file), *words) == 2


def test_a_pipeline_without_sinks_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.toml").write_text(SMALLEST)
    assert run(str(tmp_path / "p.toml")) == 2
    assert "p has no table [sinks.NAME]" in capsys.readouterr().err


def test_all_sinks_are_listed_with_who_writes_them(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(SMALLEST + MONGO + SINK)
    assert run(str(file)) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["sink", "topic", "written", "by", "store"],
        ["mongo", "p.predictions.v1", "Kafka", "Connect", "mongodb"],
        ["lake", "p.predictions.v1", "riverrun", "sink", "parquet"],
    ]
    assert run(str(file), "--json") == 0
    assert json.loads(capsys.readouterr().out)["name"] == "p.mongo"


def test_only_the_sinks_of_connect_are_written_and_registered(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(SMALLEST + SINK)
    for words in (["--json"], ["--connect", "http://127.0.0.1:1"]):
        assert run(str(file), *words) == 2
        assert "no table [sinks.NAME] with a connector" in capsys.readouterr().err


def test_riverrun_does_not_write_what_connect_writes(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["sink", str(file), "mongo"])
    assert left.value.code == 2
    what = "mongo: Kafka Connect writes it; sinks of the file with a type: none"
    assert what in capsys.readouterr().err
