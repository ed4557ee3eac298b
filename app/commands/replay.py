"""`riverrun replay`: send the events of a source to the events topic, and labels to theirs."""

import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from app.options import Connect, with_pipeline
from app.pipeline.durations import parse_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.kafka.admin import Outcome
    from app.kafka.settings import KafkaSettings
    from app.pipeline.load import Pipeline
    from app.replay.base import LateLabels, Source
    from app.replay.records import Encoded
    from app.replay.replay import Progress


class _Parsed(click.ParamType):
    """What a function makes of a text; its ValueError says what is allowed."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return self._parse(value) if isinstance(value, str) else value
        except ValueError as error:
            self.fail(f'"{value}": {error}', param, ctx)


def _pace(text: str) -> float:
    from app.replay.times import parse_pace

    return parse_pace(text)


def _time(text: str) -> int:
    from app.replay.times import parse_time

    return parse_time(text)


def _injection(text: str) -> tuple[str, int]:
    pattern, _, day = text.partition("@")
    if not pattern or not day.isdecimal():
        raise ValueError('must be PATTERN@DAY, such as "testing@30"')
    return pattern, int(day)


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
    help="Records a second; as fast as Kafka takes them unless given.",
)
@click.option(
    "--pace",
    type=_Parsed("pace", _pace),
    metavar="TIME/TIME",
    help="Event time in a time: 1d/10s is a day in 10 seconds.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Send N events and no more.")
@click.option(
    "--key",
    metavar="FIELD",
    help="The field that keys the records, instead of events.key, or of the id.",
)
@click.option(
    "--time",
    metavar="FIELD",
    help="The field with a file's times: seconds since 1970, or ISO 8601.",
)
@click.option(
    "--since", type=_Parsed("time", _time), metavar="DATE", help="Send what is from then on."
)
@click.option("--until", type=_Parsed("time", _time), metavar="DATE", help="Send what is before.")
@click.option("--resume", is_flag=True, help="Go on after the newest record that the topics have.")
@click.option("--again", is_flag=True, help="Send what the topics have already once more.")
@click.option(
    "--labels",
    metavar="FILE",
    help="A file's labels, each with its --time; for a pipeline with [labels].",
)
@click.option(
    "--label-delay",
    type=_Parsed("duration", parse_duration),
    default="7d",
    show_default=True,
    help="How long a simulator's label takes; for a pipeline with [labels].",
)
@click.option(
    "--inject",
    type=_Parsed("injection", _injection),
    multiple=True,
    metavar="PATTERN@DAY",
    help="A new fraud of the live simulator, from that day on. May be repeated.",
)
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
    events = _events(pipeline, source, options)
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


def _events(pipeline: "Pipeline", source: str, options: dict[str, Any]) -> "Source":
    """The source as the options want it."""
    from app.replay import sources, times
    from app.replay.files import is_file_name, open_file

    inject, labels, field = options["inject"], options["labels"], options["time"]
    if labels is not None and (pipeline.labels is None or field is None):
        raise click.UsageError("--labels needs a pipeline with [labels], and --time")
    if field is not None and not is_file_name(source):
        raise click.UsageError("--time is for the rows of a file")
    late = _late(pipeline, options["label_delay"])
    events = sources.open_source(source, pipeline.events.id, pipeline.events.label, late, inject)
    if field is not None:
        events = times.timed(events, field)
    if labels is not None:
        events = times.merged(events, times.timed(open_file(labels), field))
    return times.between(events, options["since"], options["until"])


def _late(pipeline: "Pipeline", delay: float) -> "LateLabels | None":
    from app.replay.base import LateLabels

    if pipeline.labels is None:
        return None
    return LateLabels(
        pipeline.labels.id, pipeline.labels.label, pipeline.labels.source, round(delay)
    )


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
