"""`riverrun replay`: send the events of a source to the events topic, and labels to theirs."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from app.commands.source_options import Parsed, SourceOptions, source_of, source_options
from app.kafka import admin, clients
from app.kafka import cluster as clusters
from app.options import Connect, with_pipeline
from app.replay import already
from app.replay import base as replay_base
from app.replay import check as checking
from app.replay import progress as showing_progress
from app.replay import records as replay_records
from app.replay import replay as replaying
from app.replay.times import after, parse_pace
from topics import times as topic_times

if TYPE_CHECKING:
    from app.kafka.settings import KafkaSettings
    from app.pipeline.load import Pipeline


@click.command()
@with_pipeline
@source_options
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    metavar="X",
    help="Records a second; as fast as Kafka takes them unless given.",
)
@click.option(
    "--pace",
    type=Parsed("pace", parse_pace),
    metavar="TIME/TIME",
    help="Event time in a time: 1d/10s is a day in 10 seconds.",
)
@click.option("--resume", is_flag=True, help="Go on after the newest record that the topics have.")
@click.option("--again", is_flag=True, help="Send what the topics have already once more.")
def replay(
    pipeline: Pipeline,
    connect: Connect,
    chosen: SourceOptions,
    speed: float | None,
    pace: float | None,
    resume: bool,
    again: bool,
) -> None:
    """Send a file, a River data set or a simulation of card frauds as events.

    \b
    riverrun replay pipelines/phishing.toml --source phishing --speed 1000
    riverrun replay FILE.toml --source events.csv --labels labels.csv --time when
    riverrun replay pipelines/fraud.toml --source live:cards=500,days=30 --pace 1d/10s
    """
    _exclude("speed", speed, "pace", pace)
    _exclude("resume", resume, "again", again)
    events = source_of(pipeline, chosen)
    settings = connect()
    cluster = clusters.Cluster(settings, admin.TIMEOUT)
    inputs = admin.input_specs(pipeline)
    if resume:
        events = after(events, cluster.newest([spec.name for spec in inputs]))
    limits = cluster.time_limits(inputs)
    options = replaying.ReplayOptions(speed, pace, chosen.limit, chosen.key)
    checked = checking.check(pipeline, events, limits, options)
    _say_if_new(admin.ensure_topics(pipeline, settings))
    for remark in checked.remarks():
        click.echo(f"riverrun: {remark}", err=True)
    if pipeline.topics.partitions > 1 and checked.ends and not checked.ends[0].timestamp:
        click.echo(
            "riverrun: without --time a record has the time of sending: rows keep their order"
            " within a partition only, and baselines such as the last label are not the file's",
            err=True,
        )
    if not again and not resume:
        _refuse_doubled(settings, checked.ends)
    _send(pipeline, events, settings, chosen.source, limits, options)


def _exclude(one: str, this: object, other: str, that: object) -> None:
    if this and that:
        raise click.UsageError(f"--{one} and --{other} exclude each other")


def _refuse_doubled(settings: KafkaSettings, ends: list[replay_records.Encoded]) -> None:
    if (
        found := already.find(clients.reading_consumer(settings, "riverrun-replay"), ends)
    ) is not None:
        raise replay_records.ReplayError(str(found))


def _send(
    pipeline: Pipeline,
    events: replay_base.Source,
    settings: KafkaSettings,
    name: str,
    limits: Mapping[str, topic_times.TimeLimits],
    options: replaying.ReplayOptions,
) -> None:
    """Send, with the progress, until all is sent or a signal comes."""
    stop, progress = _stop_on_signals(), replaying.Progress()
    total = min(filter(None, (events.count, options.limit)), default=None)
    producer = clients.replay_producer(settings)
    try:
        with showing_progress.showing(name, total) as show:
            replaying.replay(
                pipeline,
                events,
                producer,
                options,
                show=show,
                progress=progress,
                stop=stop,
                limits=limits,
            )
    finally:
        click.echo(_summary(pipeline, progress))
    if stop.is_set():
        raise KeyboardInterrupt


def _summary(pipeline: Pipeline, progress: replaying.Progress) -> str:
    events = f"{progress.delivered - progress.labels:,} events delivered to {pipeline.events.topic}"
    labels = f", {progress.labels:,} labels to {pipeline.labels.topic}" if pipeline.labels else ""
    return f"{events}{labels} in {progress.seconds:.1f} s ({progress.rate:,.0f}/s)"


def _say_if_new(outcomes: Sequence[admin.Outcome]) -> None:
    """Which topics were created, and what weakens them; where all were there, what loses data."""
    new = any(outcome.kind == "created" for outcome in outcomes)
    for outcome in outcomes:
        if outcome.is_loud or (new and outcome.kind != "checked"):
            click.echo(outcome, err=True)


def _stop_on_signals() -> threading.Event:
    """An event that the first SIGINT or SIGTERM sets; the second ends the program."""
    stop = threading.Event()

    def on_signal(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    return stop
