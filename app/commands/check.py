"""`riverrun check` and `riverrun schema`: pipeline files, without Kafka."""

from __future__ import annotations

import json
import os

import click

from app.options import SET, load
from app.pipeline import schema as schemas
from app.pipeline import stages as pipeline_stages
from app.worker import requirements


@click.command()
@click.argument("files", metavar="FILE.toml...", nargs=-1, required=True)
@SET
def check(files: tuple[str, ...], settings: tuple[str, ...]) -> None:
    """Check pipeline files without Kafka.

    Refuses what a worker would refuse at its start, but for what only Kafka knows: exit code 2
    with the key, the value and the line. Reads the environment as a worker does.
    """
    for file in files:
        pipeline = load(file, settings)
        requirements.require_startable(pipeline, os.environ.get("RIVERRUN_SNAPSHOT_KEY"))
        count = len(pipeline_stages.stages(pipeline))
        size = "1 stage" if count == 1 else f"{count} stages"
        click.echo(f"{file}: good: {pipeline.name}, {pipeline.learner.type}, {size}")


@click.command()
def schema() -> None:
    """Print the JSON Schema of pipeline files, for editors."""
    click.echo(json.dumps(schemas.json_schema(), indent=2))
