"""`riverrun sink`: write an output of a pipeline to a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app import logs
from app.options import Connect, log_options, with_pipeline
from app.sinks import run as running

if TYPE_CHECKING:
    from app.logs import Form
    from app.pipeline.load import Pipeline


@click.command()
@with_pipeline
@click.argument("name")
@log_options
def sink(pipeline: Pipeline, connect: Connect, name: str, log_level: str, log_format: Form) -> None:
    """Write the records of a topic to the store [sinks.NAME], until told to stop.

    Start more of them to scale: they share the partitions.
    """
    if name not in pipeline.stored:
        known = ", ".join(pipeline.stored) or "none"
        why = "Kafka Connect writes it" if name in pipeline.sinks else f"no [sinks.{name}]"
        raise click.BadParameter(f"{name}: {why}; sinks of the file with a type: {known}")
    logs.start(log_level.upper(), log_format)
    running.run_sink(pipeline, connect(), name)
