"""`riverrun replay`: send the events of a source to the events topic, and labels to theirs."""

import signal
import threading
from collections.abc import Mapping, Sequence

import click

from app.commands.source_options import Parsed, SourceOptions, source_of, source_options
from app.kafka.admin import TIMEOUT, Outcome, ensure_topics, input_specs
from app.kafka.clients import reading_consumer, replay_producer
from app.kafka.cluster import Cluster
from app.kafka.settings import KafkaSettings
from app.options import Connect, with_pipeline
from app.pipeline.load import Pipeline
from app.replay.already import find
from app.replay.base import Source
from app.replay.check import check
from app.replay.progress import showing
from app.replay.records import Encoded, ReplayError
from app.replay.replay import Progress, ReplayOptions
from app.replay.replay import replay as send
from app.replay.times import after, parse_pace
from topics.times import TimeLimits


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
    cluster = Cluster(settings, TIMEOUT)
    inputs = input_specs(pipeline)
    if resume:
        events = after(events, cluster.newest([spec.name for spec in inputs]))
    limits = cluster.time_limits(inputs)
    options = ReplayOptions(speed, pace, chosen.limit, chosen.key)
    checked = check(pipeline, events, limits, options)
    _say_if_new(ensure_topics(pipeline, settings))
    for remark in checked.remarks():
        click.echo(f"riverrun: {remark}", err=True)
    if not again and not resume:
        _refuse_doubled(settings, checked.ends)
    _send(pipeline, events, settings, chosen.source, limits, options)


def _exclude(one: str, this: object, other: str, that: object) -> None:
    if this and that:
        raise click.UsageError(f"--{one} and --{other} exclude each other")


def _refuse_doubled(settings: KafkaSettings, ends: list[Encoded]) -> None:
    if (found := find(reading_consumer(settings, "riverrun-replay"), ends)) is not None:
        raise ReplayError(str(found))


def _send(
    pipeline: Pipeline,
    events: Source,
    settings: KafkaSettings,
    name: str,
    limits: Mapping[str, TimeLimits],
    options: ReplayOptions,
) -> None:
    """Send, with the progress, until all is sent or a signal comes."""
    stop, progress = _stop_on_signals(), Progress()
    total = min(filter(None, (events.count, options.limit)), default=None)
    producer = replay_producer(settings)
    try:
        with showing(name, total) as show:
            send(
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


def _summary(pipeline: Pipeline, progress: Progress) -> str:
    events = f"{progress.delivered - progress.labels:,} events delivered to {pipeline.events.topic}"
    labels = f", {progress.labels:,} labels to {pipeline.labels.topic}" if pipeline.labels else ""
    return f"{events}{labels} in {progress.seconds:.1f} s ({progress.rate:,.0f}/s)"


def _say_if_new(outcomes: Sequence[Outcome]) -> None:
    """Which topics were created, and what weakens them; where all were there, what loses data."""
    new = any(outcome.kind == "created" for outcome in outcomes)
    for outcome in outcomes:
        if outcome.kind == "loss" or (new and outcome.kind != "checked"):
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
