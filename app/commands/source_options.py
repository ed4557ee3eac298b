"""Options that name a source of events, for `riverrun replay`, `try` and `train`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

import click

from app.pipeline.durations import parse_duration
from app.replay import base as replay_base
from app.replay import files as source_files
from app.replay import sources
from app.replay.times import between, merged, parse_time, timed

if TYPE_CHECKING:
    from app.pipeline.load import Pipeline

R = TypeVar("R")


class Parsed(click.ParamType):
    """What a function makes of a text; its ValueError says what is allowed."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return self._parse(value) if isinstance(value, str) else value
        except ValueError as error:
            self.fail(f'"{value}": {error}', param, ctx)


@dataclass(frozen=True)
class SourceOptions:
    """What the options of a source say; see their help."""

    source: str
    limit: int | None
    key: str | None
    time: str | None
    since: int | None
    until: int | None
    labels: str | None
    label_delay: float
    inject: tuple[tuple[str, int], ...]
    labels_time: str | None = None


def _injection(text: str) -> tuple[str, int]:
    pattern, _, day = text.partition("@")
    if not pattern or not day.isdecimal():
        raise ValueError('must be PATTERN@DAY, such as "testing@30"')
    return pattern, int(day)


KEY = click.option(
    "--key",
    metavar="FIELD",
    help="The field that keys the records, instead of events.key, or of the id.",
)
LABELS_TIME = click.option(
    "--labels-time",
    metavar="FIELD",
    help="The field with the times of --labels, where it is not that of --time.",
)
LABEL_DELAY = click.option(
    "--label-delay",
    type=Parsed("duration", parse_duration),
    default="7d",
    show_default=True,
    help="How long a simulator's label takes; for a pipeline with [labels].",
)
OPTIONS = (
    click.option(
        "--source",
        required=True,
        help="A .csv, .jsonl or .parquet file, a data set of River by name, or a simulator:"
        " handbook, live.",
    ),
    click.option("--limit", type=click.IntRange(1), metavar="N", help="Send N events and no more."),
    KEY,
    click.option(
        "--time",
        metavar="FIELD",
        help="The field with a file's times: seconds since 1970, or ISO 8601.",
    ),
    click.option(
        "--since",
        type=Parsed("time", parse_time),
        metavar="DATE",
        help="Send what is from then on.",
    ),
    click.option(
        "--until", type=Parsed("time", parse_time), metavar="DATE", help="Send what is before."
    ),
    click.option(
        "--labels",
        metavar="FILE",
        help="A file's labels, each with its time; for a pipeline with [labels].",
    ),
    LABELS_TIME,
    LABEL_DELAY,
    click.option(
        "--inject",
        type=Parsed("injection", _injection),
        multiple=True,
        metavar="PATTERN@DAY",
        help="A new fraud of the live simulator, from that day on. May be repeated.",
    ),
)


def source_options(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command the options of a source as `chosen`, for `source_of`."""

    @functools.wraps(command)
    def run(*args: Any, **options: Any) -> R:
        own = {field.name: options.pop(field.name) for field in fields(SourceOptions)}
        return command(*args, chosen=SourceOptions(**own), **options)

    return functools.reduce(lambda made, option: option(made), reversed(OPTIONS), run)


def source_of(pipeline: Pipeline, chosen: SourceOptions) -> replay_base.Source:
    """The source as the options want it."""
    labels, field = chosen.labels, chosen.time
    if labels is not None and (pipeline.labels is None or field is None):
        raise click.UsageError("--labels needs a pipeline with [labels], and --time")
    if labels is None and chosen.labels_time is not None:
        raise click.UsageError("--labels-time is for the rows of --labels")
    if field is not None and not source_files.is_file_name(chosen.source):
        raise click.UsageError("--time is for the rows of a file")
    late = _late(pipeline, chosen.label_delay)
    fields_of = pipeline.events.id, pipeline.events.label
    events = sources.open_source(chosen.source, *fields_of, late, chosen.inject)
    if field is not None:
        events = timed(events, field)
        if labels is not None:
            of_label = chosen.labels_time or field
            told = timed(source_files.open_file(labels), of_label, "--labels-time")
            events = merged(events, told)
    return between(events, chosen.since, chosen.until)


def _late(pipeline: Pipeline, delay: float) -> replay_base.LateLabels | None:
    if pipeline.labels is None:
        return None
    return replay_base.LateLabels(
        pipeline.labels.id, pipeline.labels.label, pipeline.labels.source, round(delay)
    )
