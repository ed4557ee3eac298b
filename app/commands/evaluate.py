"""`riverrun evaluate`: the predictions on Kafka against the labels on Kafka."""

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from app.options import Connect, reading, with_pipeline

if TYPE_CHECKING:
    from app.evaluate import Evaluation
    from app.pipeline.load import Pipeline

NAMES = {
    "roc_auc": "ROC AUC",
    "f1": "F1",
    "macro_f1": "macro F1",
    "mae": "MAE",
    "rmse": "RMSE",
    "r2": "R²",
}


@click.command(short_help="Measure the predictions on Kafka.")
@with_pipeline
@click.option("--json", "as_json", is_flag=True, help="One line of JSON.")
def evaluate(pipeline: "Pipeline", connect: Connect, as_json: bool) -> None:
    """Measure the predictions on Kafka against the labels on Kafka.

    Also counts them: once all events are through, each has one prediction or one dead letter,
    none is missing and none is there twice.
    """
    from app.evaluate import evaluate as measure

    with reading(pipeline, connect()) as reader:
        evaluation = measure(pipeline, reader)
    click.echo(as_line(evaluation) if as_json else as_table(evaluation))


def as_line(evaluation: "Evaluation") -> str:
    """One line of JSON; what is not defined is null."""
    found = asdict(evaluation)
    measured = found.pop("metrics")
    return json.dumps(found | {k: None if math.isnan(v) else v for k, v in measured.items()})


def as_table(evaluation: "Evaluation") -> str:
    """The counts, then the metrics."""
    from app.tables import table

    found = asdict(evaluation)
    measured = found.pop("metrics")
    rows = [(NAMES.get(k, k.replace("_", " ")), _figure(v)) for k, v in (found | measured).items()]
    counts, figures = rows[1 : len(found)], rows[len(found) :]
    return table(rows[0], [*counts, ("", ""), *figures])


def _figure(value: object) -> str:
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
