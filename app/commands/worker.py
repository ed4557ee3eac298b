"""`riverrun worker`: one worker of a pipeline."""

from typing import TYPE_CHECKING

import click

from app.options import Connect, with_pipeline

if TYPE_CHECKING:
    from app.pipeline import Pipeline


@click.command(short_help="Run one worker of a pipeline.")
@with_pipeline
def worker(pipeline: "Pipeline", connect: Connect) -> None:
    """Run one worker of a pipeline, until it is told to stop.

    Start more of them to scale: they share the partitions.
    """
    from app.worker import run_worker

    run_worker(pipeline, connect())
