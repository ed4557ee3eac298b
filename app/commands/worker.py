"""`riverrun worker`: one worker of a pipeline."""

from __future__ import annotations

import os
import sys
import zlib
from typing import TYPE_CHECKING

import click

from app.options import Connect, log_options, with_pipeline

if TYPE_CHECKING:
    from app.logs import Form
    from app.pipeline.load import Pipeline


@click.command()
@with_pipeline
@log_options
def worker(pipeline: Pipeline, connect: Connect, log_level: str, log_format: Form) -> None:
    """Run one worker of a pipeline, until it is told to stop.

    Start more of them to scale: they share the partitions.
    """
    _fix_hash_seed(pipeline)
    from app import logs
    from app.worker.run import run_worker

    logs.start(log_level.upper(), log_format)
    run_worker(pipeline, connect())


def _fix_hash_seed(pipeline: Pipeline) -> None:
    """Some of River's estimators walk over sets of texts, in the order of Python's hashes.

    A worker that is started again must walk in the same order: it runs anew under a seed of
    the pipeline's own. Our own learners do not need it.
    """
    if "." not in pipeline.learner.type or "PYTHONHASHSEED" in os.environ:
        return
    os.environ["PYTHONHASHSEED"] = str(zlib.crc32(pipeline.name.encode()))
    os.execv(sys.executable, sys.orig_argv)  # nosec B606 # its own words
