"""`riverrun worker`: one worker of a pipeline."""

import logging
from typing import TYPE_CHECKING

import click

from app.options import Connect, with_pipeline

if TYPE_CHECKING:
    from app.pipeline import Pipeline

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@click.command(short_help="Run one worker of a pipeline.")
@with_pipeline
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
)
def worker(pipeline: "Pipeline", connect: Connect, log_level: str) -> None:
    """Run one worker of a pipeline, until it is told to stop.

    Start more of them to scale: they share the partitions.
    """
    from app.worker import run_worker

    logging.basicConfig(level=log_level.upper(), format=LOG_FORMAT)
    run_worker(pipeline, connect())
