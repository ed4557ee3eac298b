"""`riverrun inspect`: offsets, lag and learner of each partition."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from app.options import Connect, reading, with_pipeline

if TYPE_CHECKING:
    from app.inspection import PartitionReport
    from app.pipeline import Pipeline

SHORT = 12
HEADER = ("partition", "committed", "end", "lag", "learner", "learned", "fingerprint", "state")
FIGURES = ("partition", "committed", "end", "lag", "learned", "state")


@click.command(short_help="Show offsets, lag and learner per partition.")
@with_pipeline
@click.option("--json", "as_json", is_flag=True, help="A line of JSON a partition.")
def inspect(pipeline: "Pipeline", connect: Connect, as_json: bool) -> None:
    """Show offsets, lag, learner, events learned and fingerprint of each partition."""
    from app.inspection import inspect as look

    key = os.environ.get("RIVERRUN_SNAPSHOT_KEY")
    with reading(pipeline, connect()) as reader:
        reports = look(pipeline, reader, key.encode() if key else None)
    if as_json:
        click.echo("\n".join(json.dumps(asdict(report)) for report in reports))
    else:
        click.echo(as_table(reports))


def as_table(reports: "Sequence[PartitionReport]") -> str:
    """A row a partition, and a line for each learner that cannot be used."""
    from app.tables import table

    rows = [
        (
            str(report.partition),
            "-" if report.committed is None else f"{report.committed:,}",
            f"{report.end:,}",
            f"{report.lag:,}",
            report.learner or "-",
            f"{report.learned:,}",
            (report.fingerprint or "-")[:SHORT],
            f"{report.state_bytes:,} B",
        )
        for report in reports
    ]
    problems = [f"partition {r.partition}: {r.problem}" for r in reports if r.problem]
    return "\n".join([table(HEADER, rows, FIGURES), *problems])
