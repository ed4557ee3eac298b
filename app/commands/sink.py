"""`riverrun sink`: write an output of a pipeline to a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from app.options import Connect, with_pipeline

if TYPE_CHECKING:
    from app.logs import Form
    from app.pipeline.load import Pipeline


@click.command()
@with_pipeline
@click.argument("name")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: one JSON object a line.",
)
def sink(pipeline: Pipeline, connect: Connect, name: str, log_level: str, log_format: Form) -> None:
    """Write the records of a topic to the store [sink.NAME], until told to stop.

    Start more of them to scale: they share the partitions.
    """
    from app import logs
    from app.sinks.run import run_sink

    if name not in pipeline.sink:
        known = ", ".join(pipeline.sink) or "none"
        raise click.BadParameter(f"{name}: the file has no [sink.{name}]; it has {known}")
    logs.start(log_level.upper(), log_format)
    run_sink(pipeline, connect(), name)
