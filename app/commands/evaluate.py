"""`riverrun evaluate`: the predictions on Kafka against the labels on Kafka."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from agents.labels import counts
from app import sentences
from app.evaluation import evaluate as evaluating
from app.evaluation import naive
from app.kafka import reading
from app.options import Connect, with_pipeline
from app.pipeline import stages
from app.tables import table

if TYPE_CHECKING:
    from app.pipeline.load import Pipeline

NAMES = {
    "roc_auc": "ROC AUC",
    "f1": "F1",
    "macro_f1": "macro F1",
    "mae": "MAE",
    "rmse": "RMSE",
    "r2": "R²",
    "last_label_right": "last label right",
    "mae_last_value": "MAE of last value",
    "mae_running_mean": "MAE of the mean",
    "of_other_events": "predictions of other events",
    "gaps": "offsets without a record",
    "label_dead_letters": "dead letters of labels",
    "labels_elsewhere": "labels on another partition than their event",
    "labels_unmatched": "labels without an event",
}
IF_ANY = tuple(NAMES)[-5:]
"""Counts that the table shows where they are not 0."""
LATE = ("labels", "labels_met")
"""Counts that the table shows where labels come late."""


DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@click.command()
@with_pipeline
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
@click.option("--since", type=DAY, help="Only events from this time on, in UTC.")
@click.option("--until", type=DAY, help="Only events before this time, in UTC.")
def evaluate(
    pipeline: Pipeline,
    connect: Connect,
    as_json: bool,
    since: datetime | None,
    until: datetime | None,
) -> None:
    """Measure the predictions on Kafka against the labels on Kafka.

    Also counts them: once all events are through, each has one prediction or one dead letter,
    none is missing and none is there twice. With [metrics] in the pipeline file it measures each
    window of event time too. The time of an event is that of its record.
    """
    span = evaluating.Span(milliseconds(since, -math.inf), milliseconds(until, math.inf))
    with reading.reading(pipeline, connect()) as reader:
        evaluation = evaluating.evaluate(pipeline, reader, span)
    click.echo(as_line(evaluation) if as_json else as_table(evaluation))
    say_if_worse(evaluation)
    say_if_apart(pipeline, evaluation)


def say_if_apart(pipeline: Pipeline, evaluation: evaluating.Evaluation) -> None:
    """On standard error, where most labels cannot meet their event."""
    share = counts.LabelShare(evaluation.labels_met or 0, evaluation.labels or 0)
    if share.is_small:
        told = sentences.labels_sentence(share, by_id=stages.joins_by_id(pipeline))
        click.echo(f"riverrun: {evaluation.pipeline}: {told}", err=True)


def say_if_worse(evaluation: evaluating.Evaluation) -> None:
    """On standard error, where a model is worse than none."""
    for line in naive.worse_than_none(evaluation.metrics):
        click.echo(f"riverrun: {evaluation.pipeline}: {line}", err=True)


def as_line(evaluation: evaluating.Evaluation) -> str:
    """One line of JSON; what is not defined is null. `windows` is there if they are measured."""
    found = asdict(evaluation)
    windows = [_flat(window) for window in found.pop("windows")]
    return json.dumps(_flat(found) | ({"windows": windows} if windows else {}))


def as_table(evaluation: evaluating.Evaluation) -> str:
    """The counts, then the metrics, then the windows."""
    found = asdict(evaluation)
    measured, windows = found.pop("metrics"), found.pop("windows")
    found = {k: v for k, v in found.items() if v or k not in IF_ANY}
    found = {k: v for k, v in found.items() if v is not None or k not in LATE}
    rows = [(_name(k), _figure(v)) for k, v in (found | measured).items()]
    counts, figures = rows[1 : len(found)], rows[len(found) :]
    text = table(rows[0], [*counts, ("", ""), *figures])
    return f"{text}\n\n{_windows(windows)}" if windows else text


def _windows(windows: list[dict[str, Any]]) -> str:
    """A line for each window."""
    names = dict.fromkeys(name for window in windows for name in window["metrics"])
    counts = [n for n in ("events", "labelled", "positives", "alerts") if windows[0][n] is not None]
    header = ["from (UTC)", *counts, *map(_name, names)]
    rows = []
    for window in windows:
        start = datetime.fromtimestamp(window["start"] / 1000, UTC)
        figures = [window["metrics"].get(name, math.nan) for name in names]
        values = [*(window[name] for name in counts), *figures]
        rows.append([f"{start:%Y-%m-%d %H:%M}", *map(_figure, values)])
    return table(header, rows, right=header[1:])


def _flat(found: dict[str, Any]) -> dict[str, Any]:
    measured = found.pop("metrics")
    return found | {k: None if math.isnan(v) else v for k, v in measured.items()}


def milliseconds(time: datetime | None, otherwise: float) -> float:
    """A time in UTC as milliseconds since 1970; `otherwise` where none was given."""
    return otherwise if time is None else time.replace(tzinfo=UTC).timestamp() * 1000


def _name(key: str) -> str:
    return NAMES.get(key, key.replace("_", " "))


def _figure(value: object) -> str:
    if isinstance(value, float):
        if math.isnan(value):
            return "-"
        return f"{value:,.2f}" if abs(value) >= 1000 else f"{value:.4f}"
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)
