"""A pipeline as an object gives what a trial of the same events gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.replay.sources import open_source
from app.trial.local import LocalPipeline, Rejected
from app.trial.run import run
from tests.app.pipeline_files import LABEL, read
from tests.app.trial.streams import source, write
from tests.app.trial.test_run import said
from tests.markdown import ROOT, blocks
from topics.codecs import Codec


def test_late_labels_and_entities_are_those_of_a_trial(tmp_path: Path) -> None:
    pipeline = write(tmp_path, orders=300)
    predictions = [
        Codec("json").decode(value) for _, value in said(run(pipeline, source(tmp_path)))[0]
    ]
    shop, found = LocalPipeline(tmp_path / "shop.toml", time="when"), []
    for event in source(tmp_path).read():
        try:
            take = shop.learn_one if event.kind == "label" else shop.predict_one
            found.append(take(event.fields))
        except Rejected:
            assert "much" in event.fields.values() or "perhaps" in event.fields.values()
    assert [each for each in found if each is not None] == predictions
    assert shop.model.learned > 100


class Frame:
    """Looks like a data frame of pandas."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows

    def to_dict(self, orient: str) -> list[dict[str, Any]]:
        assert orient == "records"
        return self._rows


def test_a_data_frame_is_learned_row_by_row(tmp_path: Path) -> None:
    pipeline = read(tmp_path, LABEL.replace('"y"', '"is_phishing"'))
    rows = [e.fields for e in open_source("phishing", label="is_phishing").read()][:200]
    trial = run(pipeline, open_source("phishing", label="is_phishing"), limit=200)
    values = [Codec("json").decode(value) for _, value in said(trial)[0]]
    local = LocalPipeline(tmp_path / "p.toml")
    assert local.run(Frame(rows)) == values
    assert local.model.fingerprint() == trial.model.fingerprint()
    rows[0] = rows[0] | {"is_phishing": "no"}
    assert local.run([rows[0], rows[1] | {"gone": float("nan")}])[0] is None


def test_what_is_rejected_says_why(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(LABEL)
    local = LocalPipeline(tmp_path / "p.toml")
    with pytest.raises(Rejected, match="validate: y: label 'perhaps'"):
        local.learn_one({"x": 1.0, "y": "perhaps"})
    assert local.predict_one({"x": 1.0, "y": "perhaps"})["model"]["version"] == 0


def test_the_page_runs_as_it_stands(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    for block in blocks(ROOT / "docs" / "python.md", "python"):
        exec(block.text, {})
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == "True"
    assert second.split()[1] == "1"
    assert len(third.split(",")) == 2
