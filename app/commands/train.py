"""`riverrun train`: learn a history of files, and let the stream go on behind it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import TYPE_CHECKING

import click

from app.commands.progress_line import progress_line
from app.commands.source_options import KEY, LABEL_DELAY, Parsed, SourceOptions, source_of
from app.options import Connect, snapshot_key, with_pipeline
from app.pipeline.durations import parse_duration
from app.replay import base as replay_base
from app.replay import files as source_files
from app.replay.times import parse_time
from app.training import errors as training_errors
from app.training import run as running

if TYPE_CHECKING:
    from app.pipeline.load import Pipeline


@click.command()
@with_pipeline
@click.option(
    "--history",
    required=True,
    metavar="PATH",
    help="Events of the past: a .csv, .jsonl or .parquet file, or a simulator: handbook, live.",
)
@click.option("--labels", metavar="PATH", help="Their labels, for a pipeline with [labels].")
@click.option(
    "--time",
    metavar="FIELD",
    help="The field with the times of both: seconds since 1970, or ISO 8601.",
)
@click.option(
    "--cut",
    required=True,
    type=Parsed("time", parse_time),
    metavar="DATE",
    help="What is earlier is learned from the history; the stream goes on from there.",
)
@click.option("--until-cut", is_flag=True, help="Leave out what the history has from the cut on.")
@click.option(
    "--overlap",
    type=Parsed("duration", parse_duration),
    default="0s",
    metavar="TIME",
    help="Learn so much before the cut from the topics too, and compare features and scores.",
)
@click.option(
    "--bound",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    metavar="X",
    help="How far apart they may be; beyond it nothing is handed over.",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Processes; more than there are partitions mix what they learn.",
)
@KEY
@LABEL_DELAY
def train(
    pipeline: Pipeline,
    connect: Connect,
    history: str,
    labels: str | None,
    time: str | None,
    cut: int,
    until_cut: bool,
    overlap: float,
    bound: float,
    workers: int,
    key: str | None,
    label_delay: float,
) -> None:
    """Learn a history of files by the agents of a worker; the stream goes on from the cut.

    The pipeline must be new: no worker runs, and it has no state yet.

    \b
    riverrun train FILE.toml --history events.parquet --labels labels.parquet \\
        --time when --cut 2026-11-01
    """
    until = cut if until_cut else None
    options = SourceOptions(history, None, key, time, None, until, labels, label_delay, ())
    source = functools.partial(_source, pipeline, options)
    source()  # a wrong command line is one before Kafka is asked
    plan = running.Plan(cut, key, round(overlap * 1000), bound, workers, snapshot_key())
    done = running.train_and_place(
        pipeline, connect(), source, plan, show=_progress(pipeline.name), tell=_tell
    )
    click.echo("\n".join(_lines(done)))


def _source(pipeline: Pipeline, options: SourceOptions) -> replay_base.Source:
    is_file = source_files.is_file_name(options.source)
    if is_file and options.time is None:
        raise click.UsageError("--time FIELD is needed: a history is learned in the order of time")
    if is_file and pipeline.labels is not None and options.labels is None:
        raise training_errors.HistoryRefused(
            f"{pipeline.name} has [labels], which come later than their events: name their file by"
            " --labels"
        )
    return source_of(pipeline, options)


def _tell(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(f"riverrun: {line}", err=True)


def _lines(done: running.Trained) -> Iterator[str]:
    counts, counters = done.history.counts, done.counters
    yield (
        f"{counts['event']:,} events and {counts['label']:,} labels of the history:"
        f" {counters.predictions:,} scored, {counters.learned:,} learned,"
        f" {counters.dead_letters:,} set aside"
    )
    if done.history.skipped:
        yield f"{done.history.skipped:,} left to the stream, which has them behind the cut"
    for at, offset in sorted(done.offsets.items()):
        yield f"{at}: workers go on at offset {offset:,}"


def _progress(name: str) -> Callable[[int], None]:
    line, started = progress_line(name), monotonic()
    return lambda done: line(done, monotonic() - started)
