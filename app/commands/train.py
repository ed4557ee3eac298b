"""`riverrun train`: learn a history of files, and let the stream go on behind it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

import click

from app.commands.progress_line import progress_line
from app.commands.source_options import (
    KEY,
    LABEL_DELAY,
    LABELS_TIME,
    Parsed,
    SourceOptions,
    source_of,
)
from app.options import Connect, snapshot_key, with_pipeline
from app.pipeline.durations import parse_duration
from app.replay import files as source_files
from app.replay import sources
from app.replay.times import parse_time
from app.training import errors as training_errors
from app.training import learning
from app.training import run as running
from app.training.spark import files as spark_files
from app.training.spark import learning as spark_learning
from app.training.spark import session as spark_session

if TYPE_CHECKING:
    from app.pipeline.load import Pipeline
    from app.replay.base import Source
    from app.training.learning import Learning


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
    help="Processes, with --spark parts; more than there are partitions mix what they learn.",
)
@click.option(
    "--spark",
    "master",
    metavar="MASTER",
    help="Let Spark read, sort and divide the history, and run its parts: local[4], spark://...",
)
@click.option(
    "--yardstick",
    type=Parsed("duration", parse_duration),
    default="0s",
    metavar="TIME",
    help="Compare with MLlib's logistic regression, by --spark, on so much before the cut.",
)
@KEY
@LABELS_TIME
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
    master: str | None,
    yardstick: float,
    key: str | None,
    labels_time: str | None,
    label_delay: float,
) -> None:
    """Learn a history of files by the agents of a worker; the stream goes on from the cut.

    The pipeline must be new: no worker runs, and it has no state yet.

    \b
    riverrun train FILE.toml --history events.parquet --labels labels.parquet \\
        --time when --cut 2026-11-01
    """
    until = cut if until_cut else None
    options = SourceOptions(
        history, None, key, time, None, until, labels, label_delay, (), labels_time
    )
    plan = learning.Plan(cut, key, round(overlap * 1000), bound, workers, snapshot_key())
    if yardstick and master is None:
        raise click.UsageError("--yardstick is MLlib's, and needs --spark")
    way = _here(pipeline, options)
    if master is not None:
        way = _spark(pipeline, options, master, round(yardstick * 1000))
    with way as (source, by):
        show = _progress(pipeline.name)
        done = running.train_and_place(
            pipeline, connect(), source, plan, by=by, show=show, tell=_tell
        )
    click.echo("\n".join(_lines(done)))


Way = tuple[Callable[[], "Source"], Callable[..., "Learning"]]
"""Opens the history, or looks at its beginning; and who learns it."""


@contextmanager
def _here(pipeline: Pipeline, options: SourceOptions) -> Iterator[Way]:
    if source_files.is_file_name(options.source):
        _require(pipeline, options)
    source = functools.partial(source_of, pipeline, options)
    source()  # a wrong command line is one before Kafka is asked
    yield source, learning.Learning


@contextmanager
def _spark(
    pipeline: Pipeline, options: SourceOptions, master: str, yardstick: int
) -> Iterator[Way]:
    if options.source.partition(":")[0] in sources.SIMULATORS:
        raise click.UsageError(f"--spark reads files, and {options.source} is a simulator")
    if options.labels_time is not None:
        raise click.UsageError("--labels-time is not for --spark: name both fields alike")
    files = spark_files.Files(
        options.source, options.labels, _require(pipeline, options), options.until is not None
    )
    with spark_session.spark(master) as session:
        yield (
            functools.partial(spark_learning.first_events, session, files),
            functools.partial(
                spark_learning.SparkLearning, session=session, files=files, yardstick=yardstick
            ),
        )


def _require(pipeline: Pipeline, options: SourceOptions) -> str:
    """The field of the times; and labels have their file."""
    if options.time is None:
        raise click.UsageError("--time FIELD is needed: a history is learned in the order of time")
    if pipeline.labels is not None and options.labels is None:
        raise training_errors.HistoryRefused(
            f"{pipeline.name} has [labels], which come later than their events: name their file by"
            " --labels"
        )
    return options.time


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
