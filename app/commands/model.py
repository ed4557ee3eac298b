"""`riverrun model`: models between a pipeline and files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app import model_files, model_import
from app.kafka import reading
from app.options import Connect, with_pipeline
from learners.saved import snapshots

if TYPE_CHECKING:
    from app.pipeline.load import Pipeline


@click.group()
def model() -> None:
    """Export a model to a file, or import one."""


@model.command("export", short_help="Write a partition's model to a file.")
@with_pipeline
@click.option("--partition", type=click.IntRange(0), metavar="N", help="Where several have one.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="MODEL.riverrun",
    help="The file to write.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def export_(
    pipeline: Pipeline, connect: Connect, partition: int | None, output: Path, force: bool
) -> None:
    """Write the model of a partition to a file, as it was last committed.

    The workers may go on meanwhile.
    """
    with reading.reading(pipeline, connect()) as reader:
        number, data = model_files.exported(pipeline, reader, partition)
    model_files.write(output, data, force=force)
    header = snapshots.read_header(data)
    click.echo(
        f"{output}: {header.type} of partition {number}, {header.learned:,} events learned,"
        f" {len(data):,} bytes"
    )


@model.command("import", short_help="Put a model into a pipeline that stands still.")
@with_pipeline
@click.argument("source", metavar="MODEL.riverrun", type=click.Path(path_type=Path))
@click.option("--partition", type=click.IntRange(0), metavar="N", help="Into this one.")
@click.option("--all", "everywhere", is_flag=True, help="Into all partitions.")
def import_(
    pipeline: Pipeline,
    connect: Connect,
    source: Path,
    partition: int | None,
    everywhere: bool,
) -> None:
    """Put a model in place of those of a pipeline's partitions.

    All workers must have stopped. They go on from the offset where they stopped, with this model.
    """
    if everywhere == (partition is not None):
        raise click.UsageError("say where to: --partition N or --all")
    key = os.environ.get("RIVERRUN_SNAPSHOT_KEY")
    done = model_import.import_model(
        pipeline,
        connect(),
        model_files.read(source),
        None if partition is None else [partition],
        key.encode() if key else None,
    )
    click.echo("\n".join(_line(each) for each in done))


def _line(done: model_import.Imported) -> str:
    before = "there was none" if done.before is None else f"{done.before:,} before"
    place = "the start of a new pipeline" if done.offset is None else f"offset {done.offset:,}"
    return (
        f"partition {done.partition}: a model of {done.learned:,} events learned ({before});"
        f" workers go on at {place}"
    )
