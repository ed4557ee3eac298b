"""`riverrun inspect`: offsets, lag and learner of each partition."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from agents.labels import counts
from app import inspection, marks, sentences
from app.kafka import reading
from app.options import Connect, snapshot_key, with_pipeline
from app.pipeline import stages
from app.tables import table
from app.terminal import visible
from learners import weights

if TYPE_CHECKING:
    from app.pipeline.load import Pipeline

SHORT = 12
LARGE = 1 << 20
"""Bytes of a model whose fingerprint is made only where it is asked for."""
HEADER = (
    "partition",
    "committed",
    "end",
    "lag",
    "learner",
    "learned",
    "fingerprint",
    "model",
    "state",
)
MORE = ("waiting", "unmatched", "expired", "unknown", "entities")
"""Shown where there are any: events that wait for their label, labels that wait for their event,
events that got no label in time, labels that got no event, entities that have a past."""
_NO_FINGERPRINT = "fingerprints of models above 1 MiB are made with --fingerprint"
FIGURES = ("partition", "committed", "end", "lag", "learned", "model", "state")


@click.command()
@with_pipeline
@click.option("--json", "as_json", is_flag=True, help="A line of JSON a partition.")
@click.option("--weights", "with_weights", is_flag=True, help="The learners' weights too.")
@click.option(
    "--fingerprint",
    "with_fingerprint",
    is_flag=True,
    help="Fingerprints of models above 1 MiB too, which take a second or more for each MiB.",
)
@click.option(
    "--top",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    metavar="N",
    help="With --weights: so many features, those of the largest weights.",
)
def inspect(
    pipeline: Pipeline,
    connect: Connect,
    as_json: bool,
    with_weights: bool,
    with_fingerprint: bool,
    top: int,
) -> None:
    """Show offsets, lag, learner, events learned, fingerprint and sizes of each partition.

    Where labels come late or events are keyed anew: of each stage, and how many events wait for
    their label, and how many cards, terminals or users have a past.
    """
    with reading.reading(pipeline, connect()) as reader:
        reports = inspection.inspect(
            pipeline,
            reader,
            snapshot_key(),
            with_weights=with_weights,
            fingerprints_up_to=math.inf if with_fingerprint else LARGE,
        )
    if as_json:
        click.echo("\n".join(json.dumps(asdict(report)) for report in reports))
        return
    click.echo(as_table(reports))
    for line in learner_lines(pipeline, reports, time.time()):
        click.echo(line)
    newest = {each.partition: each.newest_mark for each in reports}
    for line in marks.marks_lines(newest, pipeline.learner.mark):
        click.echo(line)
    if (share := label_share(reports)).of:
        click.echo(sentences.labels_sentence(share, by_id=stages.joins_by_id(pipeline)))
    if with_weights:
        click.echo(weights_of(reports, top))


def as_table(reports: Sequence[inspection.PartitionReport]) -> str:
    """A row a partition, and a line for each learner that is watched or cannot be used."""
    of_stage = ("stage",) if len({report.stage for report in reports}) > 1 else ()
    more = tuple(name for name in MORE if any(getattr(report, name) for report in reports))
    left_out = any(report.learner and report.fingerprint is None for report in reports)
    rows = [
        (
            *(report.stage for _ in of_stage),
            str(report.partition),
            "-" if report.committed is None else f"{report.committed:,}",
            f"{report.end:,}",
            f"{report.lag:,}",
            report.learner or "-",
            f"{report.learned:,}",
            _fingerprint(report),
            f"{report.model_bytes:,} B",
            f"{report.state_bytes:,} B",
            *(_count(getattr(report, name)) for name in more),
        )
        for report in reports
    ]
    problems = [
        visible(f"partition {r.partition}: {r.problem}", None) for r in reports if r.problem
    ]
    return "\n".join(
        [
            table((*of_stage, *HEADER, *more), rows, (*FIGURES, *more)),
            *map(_drifted, filter(_watched, reports)),
            *problems,
            *([_NO_FINGERPRINT] if left_out else []),
        ]
    )


def learner_lines(
    pipeline: Pipeline, reports: Sequence[inspection.PartitionReport], now: float
) -> Iterator[str]:
    """A line for each learner of a shared model; `now` is in seconds since 1970."""
    for report in reports:
        if report.versions is None or report.written is None:
            continue
        age, limit = max(0.0, now - report.written / 1000), pipeline.learner.stale_after
        stale = f", longer than learner.stale_after ({limit:g} s)" if age > limit else ""
        whose = _learner(report.partition, pipeline.learner.learners)
        yield (
            f"{whose}: version {report.learned:,}, {report.versions:,} versions kept, heard of"
            f" {age:,.1f} s ago{stale}"
        )


def _learner(number: int, learners: int) -> str:
    return "one learner for all partitions" if learners == 1 else f"learner {number} of {learners}"


def label_share(reports: Sequence[inspection.PartitionReport]) -> counts.LabelShare:
    """How many labels of all partitions met their event."""
    met = sum(report.met or 0 for report in reports)
    return counts.LabelShare(met, met + sum((r.unmatched or 0) + (r.unknown or 0) for r in reports))


def _fingerprint(report: inspection.PartitionReport) -> str:
    return (report.fingerprint or ("not made" if report.learner else "-"))[:SHORT]


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _watched(report: inspection.PartitionReport) -> bool:
    return report.drifts is not None


def _drifted(report: inspection.PartitionReport) -> str:
    told = sentences.drifts_sentence(report.drifts or 0, report.last_drift)
    return f"partition {report.partition}: {told}"


def weights_of(reports: Sequence[inspection.PartitionReport], top: int) -> str:
    """A table for each set of weights, with at most `top` features."""
    parts = []
    for report in reports:
        for each in report.weights:
            parts += ["", f"partition {report.partition}, {_described(each)}", _rows(each, top)]
        if report.learner and not report.weights:
            parts += [
                "",
                f"partition {report.partition}: {visible(report.learner)} has no weights to read",
            ]
    return "\n".join(parts)


def _described(weights: weights.Weights) -> str:
    intercept = "" if weights.intercept is None else f", intercept {weights.intercept:.6g}"
    mass = "" if weights.mass is None else f", of {weights.mass:,.6g} events"
    return visible(weights.of) + intercept + mass


def _rows(weights: weights.Weights, top: int) -> str:
    shown, scaled = weights.rows[:top], any(row.mean is not None for row in weights.rows)
    value = "weight" if weights.mass is None else "value"
    header = ("feature", value, "mean", "std") if scaled else ("feature", value)
    rows = [
        [row.feature, *(_number(n) for n in (row.value, row.mean, row.std)[: len(header) - 1])]
        for row in shown
    ]
    left = len(weights.rows) - len(shown)
    more = [f"... and {left:,} more (--top {len(weights.rows)})"] if left else []
    return "\n".join([table(header, rows, header[1:]), *more])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"
