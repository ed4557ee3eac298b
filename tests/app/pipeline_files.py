"""What the tests of pipeline files share: the smallest file, how one is read or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.pipeline.load import Pipeline, PipelineError, load_pipeline

SMALLEST = """\
name = "p"
[events]
topic = "p.events.v1"
[predictions]
topic = "p.predictions.v1"
[learner]
type = "passive_aggressive"
"""
WITH_ID = SMALLEST.replace('events.v1"', 'events.v1"\nid = "id"')
"""Its last line is number 8."""
LABELS = '[labels]\ntopic = "l"\n'
CARD = '[[entities]]\nfield = "card"\nfeatures = ["count"]\n'
LABEL = SMALLEST.replace('events.v1"', 'events.v1"\nlabel = "y"')
METRICS = '[metrics]\ntopic = "m"\n'


def read(
    tmp_path: Path, text: str, environ: dict[str, str] | None = None, **overrides: str
) -> Pipeline:
    """The pipeline of `text`; overrides are written events__topic="x"."""
    file = tmp_path / "p.toml"
    file.write_text(text)
    options = {key.replace("__", "."): value for key, value in overrides.items()}
    return load_pipeline(file, options, environ or {})


def refusal(
    tmp_path: Path, text: str, environ: dict[str, str] | None = None, **overrides: str
) -> str:
    """The one line that refuses `text`, without the folder."""
    with pytest.raises(PipelineError) as refused:
        read(tmp_path, text, environ, **overrides)
    message = str(refused.value)
    assert "\n" not in message
    return message.replace(f"{tmp_path}/", "")
