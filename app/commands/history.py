"""`riverrun history`: events whose labels have come, as they were scored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.history import export as exporting
from app.kafka import reading
from app.options import Connect, with_pipeline

if TYPE_CHECKING:
    from app.pipeline.load import Pipeline


@click.group()
def history() -> None:
    """Events whose labels have come, as they were scored."""


@history.command("export", short_help="Write the history that is on Kafka to a file.")
@with_pipeline
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def export(pipeline: Pipeline, connect: Connect, path: Path, force: bool) -> None:
    """Write the topic of [history] to a file that ends in .parquet or .jsonl.

    The workers may go on meanwhile.

    \b
    riverrun history export FILE.toml history.parquet
    """
    with reading.reading(pipeline, connect()) as reader:
        done = exporting.export(pipeline, reader, path, force=force)
    click.echo(f"{path}: {done.rows:,} events with their labels")
    if done.unreadable:
        click.echo(f"riverrun: {done.unreadable:,} records there are no events", err=True)
