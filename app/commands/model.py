"""`riverrun model`: models between a pipeline and files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app import model_files, model_import
from app.archive import archiving, restoring, schedule
from app.files import open_folder
from app.kafka import reading
from app.options import Connect, snapshot_key, with_pipeline
from app.pipeline import durations
from learners.saved import snapshots

if TYPE_CHECKING:
    from app.pipeline.load import Pipeline


@click.group()
def model() -> None:
    """Export, import, archive or restore models."""


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

    The shares of several learners (learner.learners) become one model.
    The workers may go on meanwhile.
    """
    with reading.reading(pipeline, connect()) as reader:
        number, data = model_files.exported(pipeline, reader, partition, snapshot_key())
    model_files.write(output, data, force=force)
    header = snapshots.read_header(data)
    whose = f"partition {number}" if number is not None else "all learners together"
    learned = f"{header.learned:,} events learned"
    click.echo(f"{output}: {header.type} of {whose}, {learned}, {len(data):,} bytes")


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
    done = model_import.import_model(
        pipeline,
        connect(),
        model_files.read(source),
        None if partition is None else [partition],
        snapshot_key(),
    )
    click.echo("\n".join(_line(each) for each in done))


def _line(done: model_import.Imported) -> str:
    before = "there was none" if done.before is None else f"{done.before:,} before"
    place = "the start of a new pipeline" if done.offset is None else f"offset {done.offset:,}"
    return (
        f"partition {done.partition}: a model of {done.learned:,} events learned ({before});"
        f" workers go on at {place}"
    )


@model.command("archive", short_help="Copy the models to a folder, HDFS or S3.")
@with_pipeline
@click.argument("url", required=False)
@click.option("--every", metavar="TIME", help="Again and again, such as 1h. Default: once.")
@click.option("--once", is_flag=True, help="Once, although the file has a table [archive].")
@click.option("--keep", type=click.IntRange(1), metavar="N", help="Of each partition, the newest.")
def archive_(
    pipeline: Pipeline,
    connect: Connect,
    url: str | None,
    every: str | None,
    once: bool,
    keep: int | None,
) -> None:
    """Copy the models of all partitions to URL, or where the table [archive] says.

    A folder, hdfs:// or s3://. A model that has not changed is not copied again. With [archive]
    and without URL: every so often, until it is told to stop. The workers may go on meanwhile.
    """
    table = pipeline.archive
    if url is None and table is None:
        raise click.UsageError("say where to: URL, or a table [archive] in the file")
    if once and every is not None:
        raise click.UsageError("--once goes without --every")
    scheduled = table.every if table and url is None and not once else None
    seconds = _seconds(every) if every is not None else scheduled
    folder = open_folder(url or (table.url if table else ""))
    kept = keep or (table.keep if table else None)
    kafka = connect()

    def copy() -> None:
        with reading.reading(pipeline, kafka) as reader:
            for copied in archiving.archive(pipeline, reader, folder, kept):
                click.echo(_copied(copied))

    if seconds is None:
        copy()
    else:
        schedule.repeat(copy, seconds)


@model.command("restore", short_help="Put archived models into a new pipeline.")
@with_pipeline
@click.argument("url")
@click.option("--at", metavar="TIME", help="The newest of then or before: 2026-11-28T12:00:00Z.")
@click.option("--from", "source", metavar="NAME", help="The pipeline that was archived.")
def restore_(
    pipeline: Pipeline, connect: Connect, url: str, at: str | None, source: str | None
) -> None:
    """Put the newest archived models into a pipeline that has not run yet.

    Its workers begin at the offsets of the models. All else of a state begins empty.
    """
    done = restoring.restore(
        pipeline,
        connect(),
        open_folder(url),
        source or pipeline.name,
        None if at is None else _time(at),
        snapshot_key(),
    )
    click.echo("\n".join(_line(each) for each in done))


def _seconds(text: str) -> float:
    try:
        seconds = durations.parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--every") from None
    if not seconds:
        raise click.BadParameter("must be more than zero", param_hint="--every")
    return seconds


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        what = 'must be a time, such as "2026-11-28T12:00:00Z"'
        raise click.BadParameter(what, param_hint="--at") from None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _copied(copied: archiving.Copied) -> str:
    what = "" if copied.new else "unchanged, "
    return f"{copied.file.name}: {what}{copied.learned:,} events learned"
