"""`riverrun replay`: send the events of a source to the events topic, and labels to theirs."""

import signal
import threading
from typing import TYPE_CHECKING, Any

import click

from app.commands.source_options import Parsed, source_of, source_options
from app.options import Connect, with_pipeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.kafka.admin import Outcome
    from app.kafka.settings import KafkaSettings
    from app.pipeline.load import Pipeline
    from app.replay.base import Source
    from app.replay.records import Encoded
    from app.replay.replay import Progress


def _pace(text: str) -> float:
    from app.replay.times import parse_pace

    return parse_pace(text)


@click.command(short_help="Send a file or a data set as events.")
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
    type=Parsed("pace", _pace),
    metavar="TIME/TIME",
    help="Event time in a time: 1d/10s is a day in 10 seconds.",
)
@click.option("--resume", is_flag=True, help="Go on after the newest record that the topics have.")
@click.option("--again", is_flag=True, help="Send what the topics have already once more.")
def replay(pipeline: "Pipeline", connect: Connect, source: str, **options: Any) -> None:
    """Send a file, a River data set or a simulation of card frauds as events.

    \b
    riverrun replay pipelines/phishing.toml --source phishing --speed 1000
    riverrun replay FILE.toml --source events.csv --labels labels.csv --time when
    riverrun replay pipelines/fraud.toml --source live:cards=500,days=30 --pace 1d/10s
    """
    from app.kafka.admin import TIMEOUT, ensure_topics, input_specs
    from app.kafka.cluster import Cluster
    from app.replay.check import check
    from app.replay.times import after

    for one, other in (("speed", "pace"), ("resume", "again")):
        if options[one] and options[other]:
            raise click.UsageError(f"--{one} and --{other} exclude each other")
    events = source_of(pipeline, source, options)
    settings = connect()
    cluster = Cluster(settings, TIMEOUT)
    inputs = input_specs(pipeline)
    if options["resume"]:
        events = after(events, cluster.newest([spec.name for spec in inputs]))
    limits = cluster.time_limits(inputs)
    how = {name: options[name] for name in ("speed", "pace", "limit", "key")}
    checked = check(pipeline, events, limits, **how)
    _say_if_new(ensure_topics(pipeline, settings))
    for remark in checked.kinds.remarks():
        click.echo(f"riverrun: {remark}", err=True)
    if not options["again"] and not options["resume"]:
        _refuse_doubled(settings, checked.ends)
    _send(pipeline, events, settings, source, limits=limits, **how)


def _refuse_doubled(settings: "KafkaSettings", ends: "list[Encoded]") -> None:
    from app.replay.already import find
    from app.replay.records import ReplayError

    if (found := find(settings.consumer(), ends)) is not None:
        raise ReplayError(str(found))


def _send(
    pipeline: "Pipeline", events: "Source", settings: "KafkaSettings", name: str, **how: Any
) -> None:
    """Send, with the progress, until all is sent or a signal comes."""
    from app.replay.progress import showing
    from app.replay.replay import PRODUCER, Progress, replay

    stop, progress = _stop_on_signals(), Progress()
    total = min(filter(None, (events.count, how["limit"])), default=None)
    producer = settings.producer(PRODUCER)
    try:
        with showing(name, total) as show:
            replay(pipeline, events, producer, show=show, progress=progress, stop=stop, **how)
    finally:
        click.echo(_summary(pipeline, progress))
    if stop.is_set():
        raise KeyboardInterrupt


def _summary(pipeline: "Pipeline", progress: "Progress") -> str:
    events = f"{progress.delivered - progress.labels:,} events delivered to {pipeline.events.topic}"
    labels = f", {progress.labels:,} labels to {pipeline.labels.topic}" if pipeline.labels else ""
    return f"{events}{labels} in {progress.seconds:.1f} s ({progress.rate:,.0f}/s)"


def _say_if_new(outcomes: "Sequence[Outcome]") -> None:
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
