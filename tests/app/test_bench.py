"""`riverrun bench` hands its arguments to the benchmarks, where there are any."""

import importlib
from pathlib import Path

import pytest

import app
from app.cli import main


def test_names_and_options_go_to_the_benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[list[str]] = []

    def fake(argv: list[str]) -> int:
        given.append(argv)
        return 3

    monkeypatch.setattr(importlib.import_module("benchmarks.__main__"), "main", fake)
    with pytest.raises(SystemExit) as left:
        main(["bench", "throughput", "--seconds", "2"])
    assert left.value.code == 3
    assert given == [["throughput", "--seconds", "2"]]


def test_without_the_folder_the_error_says_where_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(app, "__file__", str(tmp_path / "app" / "__init__.py"))
    with pytest.raises(SystemExit) as left:
        main(["bench"])
    assert left.value.code == 1
    assert "run them in a checkout" in capsys.readouterr().err
