"""Pipelines that are run in this process, without Kafka."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from app.pipeline.load import Pipeline, load_pipeline


def pipeline_of(text: str) -> Pipeline:
    """The pipeline of a file with this text; the environment changes nothing."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "bench.toml"
        file.write_text(text)
        return load_pipeline(file, environ={})
