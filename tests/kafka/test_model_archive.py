"""A model goes by an archive into a new pipeline, whose workers go on at the model's offset."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from app.cli import main
from app.pipeline.load import load_pipeline as load
from tests.kafka.running import bare_loop, stream, synthetic, workers
from tests.kafka.support import read_committed

LEARNER = {"type": "passive_aggressive", "C": 0.01, "scale": True}


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["model", *words])
    assert isinstance(left.value.code, int)
    return left.value.code


def test_a_new_pipeline_goes_on_where_the_archived_model_stood(
    kafka: str, topic_name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--bootstrap-servers", kafka]
    folder = str(tmp_path / "archive")
    first = stream(kafka, tmp_path, topic_name, LEARNER)
    first.send(0, synthetic(1, 40))
    with workers(first, None):
        first.predictions(150.0)
        assert run("archive", str(first.file), folder, *at) == 0
        first.send(0, synthetic(2, 30))
        first.predictions(150.0)
    assert "40 events learned" in capsys.readouterr().out
    text = first.file.read_text().replace(f'name = "{topic_name}"', f'name = "{topic_name}-2"')
    text = text.replace("predictions.v1", "predictions.v2")
    (tmp_path / "second.toml").write_text(text)
    second = str(tmp_path / "second.toml")
    assert run("restore", second, folder, "--from", topic_name, *at) == 0
    assert "40 events learned (there was none); workers go on at offset 40" in (
        capsys.readouterr().out
    )

    copy = type(first)(kafka, Path(second), load(second), first.events)
    with workers(copy, None) as (worker,):
        records = read_committed(kafka, copy.pipeline.predictions.topic, 30, 150.0)
        assert worker.stop() == 0
    said, model = bare_loop(LEARNER, first.events[0])
    assert copy.models()[0].fingerprint() == model.fingerprint()
    found = [msgspec.json.decode(record.value() or b"") for record in records]
    assert [(p["prediction"], p["score"]) for p in found] == said[40:]
    assert [p["source"]["offset"] for p in found] == list(range(40, 70))

    assert run("restore", second, folder, "--from", topic_name, *at) == 1
    assert "@70 already, and the model goes on at 40" in capsys.readouterr().err
