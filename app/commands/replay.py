"""`riverrun replay`: send the events of a source to the events topic."""

import signal
import threading
from typing import TYPE_CHECKING

import click

from app.options import Connect, with_pipeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.kafka.admin import Outcome
    from app.pipeline.load import Pipeline


@click.command(short_help="Send a file or a data set as events.")
@with_pipeline
@click.option(
    "--source",
    required=True,
    help="A .csv or .jsonl file, a River data set by name, or a simulator: handbook, live.",
)
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    metavar="X",
    help="Events a second; as fast as Kafka takes them unless given.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Send N events and no more.")
@click.option(
    "--key",
    metavar="FIELD",
    help="The field that keys the records, instead of the id (simulators: the card).",
)
def replay(
    pipeline: "Pipeline",
    connect: Connect,
    source: str,
    speed: float | None,
    limit: int | None,
    key: str | None,
) -> None:
    """Send a file, a River data set or a simulation of card frauds as events.

    \b
    riverrun replay pipelines/phishing.toml --source phishing --speed 1000
    riverrun replay FILE.toml --source history.csv
    riverrun replay FILE.toml --source live:cards=500,seed=3,days=30
    """
    from app.kafka.admin import TIMEOUT, ensure_topics
    from app.kafka.cluster import Cluster
    from app.replay.progress import showing
    from app.replay.replay import PRODUCER, Progress
    from app.replay.replay import replay as send
    from app.replay.sources import open_source

    events = open_source(source, pipeline.events.id, pipeline.events.label)
    settings = connect()
    _say_if_new(ensure_topics(pipeline, settings))
    cluster = Cluster(settings, TIMEOUT)
    stop = _stop_on_signals()
    total = min(filter(None, (events.count, limit)), default=None)
    progress = Progress()
    try:
        with showing(source, total) as show:
            send(
                pipeline,
                events,
                settings.producer(PRODUCER),
                speed=speed,
                limit=limit,
                key=key,
                show=show,
                progress=progress,
                stop=stop,
                oldest=cluster.oldest_kept(pipeline.events.topic),
            )
    finally:
        click.echo(
            f"{progress.delivered:,} events delivered to {pipeline.events.topic} "
            f"in {progress.seconds:.1f} s ({progress.rate:,.0f}/s)"
        )
    if stop.is_set():
        raise KeyboardInterrupt


def _say_if_new(outcomes: "Sequence[Outcome]") -> None:
    """Which topics were created, and what weakens them; nothing where all were there."""
    if any(outcome.kind == "created" for outcome in outcomes):
        for outcome in outcomes:
            if outcome.kind != "checked":
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
