"""`riverrun state`: whether the state on Kafka is whole, and how to make it whole again."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from app.options import Connect, with_pipeline
from app.state import check as checking
from app.state import repair as repairing
from app.state import report as state_reports

if TYPE_CHECKING:
    from app.pipeline.load import Pipeline


@click.group()
def state() -> None:
    """Check the state of a pipeline, or bring it back to what is whole."""


@state.command(short_help="Report whether the state is whole; exit code 1 where it is not.")
@with_pipeline
@click.option("--json", "as_json", is_flag=True, help="The report as one JSON object.")
def check(pipeline: Pipeline, connect: Connect, as_json: bool) -> int:
    """Read the state of all partitions as a restore does, and say all that is wrong with it.

    Nothing is written; workers may go on meanwhile. The exit code is 0 where all is whole, 1
    where something is damaged.
    """
    report = checking.check_state(pipeline, connect())
    click.echo(_as_json(report) if as_json else as_text(report))
    return 0 if report.whole else 1


@state.command(short_help="Bring the state back to the newest whole one.")
@with_pipeline
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.option(
    "--new-topics", is_flag=True, help="Begin with inputs that were deleted and created again."
)
@click.option(
    "--accept-loss", is_flag=True, help="Go on behind input that was deleted before it was read."
)
def repair(
    pipeline: Pipeline, connect: Connect, yes: bool, new_topics: bool, accept_loss: bool
) -> int:
    """Bring the state back to the newest whole one that is on Kafka.

    Shows what is wrong and what it will do, asks, and does it in one transaction. All workers
    must have stopped.
    """
    kafka, choices = connect(), repairing.Choices(new_topics=new_topics, accept_loss=accept_loss)
    steps = repairing.plan(pipeline, kafka, choices)
    for step in steps:
        click.echo("\n".join([step.place, *(f"  {line}" for line in step.says)]))
    if refused := [step.refused for step in steps if step.refused]:
        click.echo("\n".join(f"riverrun: {line}" for line in refused), err=True)
        return 1
    if not steps:
        click.echo("the state is whole: there is nothing to do")
        return 0
    if not yes and not (sys.stdin.isatty() and click.confirm("Do this?")):
        click.echo("nothing was done (--yes does it without asking)", err=True)
        return 1
    repairing.carry_out(pipeline, kafka, choices, steps)
    click.echo("done: the next worker takes this state")
    return 0


def as_text(report: state_reports.StateReport) -> str:
    """A line for each partition, and one for each thing that is wrong."""
    lines = [*report.damage]
    for each in report.partitions:
        lines += [_line(each), *(f"  {text}" for text in each.damage)]
    damaged = sum(not each.whole for each in report.partitions)
    if report.members:
        lines.append(
            f"{report.members} members in the group: the state may move on while it is read"
        )
    if report.whole:
        lines.append("the state is whole")
    else:
        lines.append(
            f"damaged: {damaged} of {len(report.partitions)} partitions; `riverrun state repair"
            " FILE.toml` shows what can be done"
        )
    return "\n".join(lines)


def _line(state: state_reports.PartitionState) -> str:
    done = "nothing done yet"
    if state.position:
        done = " and ".join(f"{topic} done up to {at}" for topic, at in state.position.items())
    model = "" if state.learned is None else f", a model of {state.learned:,} learned events"
    verdict = "whole" if state.whole else "DAMAGED"
    place = f"{state.state_topic}[{state.partition}]"
    return f"{place}: {verdict}; {done}, {state.entries:,} entries{model}"


def _as_json(report: state_reports.StateReport) -> str:
    partitions = [{**asdict(each), "whole": each.whole} for each in report.partitions]
    return json.dumps({**asdict(report), "partitions": partitions, "whole": report.whole})
