"""`riverrun dead-letters`: list what was set aside, count the reasons, or send it back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

import click

from app import dead_letter_reasons as reasons_of
from app import dead_letters as letters_of
from app.connect import config as connect_config
from app.kafka import clients, reading
from app.options import Connect, with_pipeline
from app.terminal import visible

if TYPE_CHECKING:
    from app.kafka.settings import KafkaSettings
    from app.pipeline.load import Pipeline

    Grouped = reasons_of.Group[letters_of.Letter]

PREVIEW = 60


@click.command("dead-letters")
@with_pipeline
@click.argument("action", type=click.Choice(["list", "reasons", "replay"]))
@click.option("--json", "as_json", is_flag=True, help="A line of JSON a letter, or a reason.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Of the first N letters.")
@click.option("--sink", metavar="NAME", help="What the store of [sinks.NAME] refused.")
def dead_letters(
    pipeline: Pipeline,
    connect: Connect,
    action: str,
    as_json: bool,
    limit: int | None,
    sink: str | None,
) -> None:
    """List the events that were set aside, or send them back to their topic.

    reasons counts them: a line for each reason, with the first letter that has it. A replay sends
    each letter once: the next one begins after it.
    """
    if sink is not None and (action == "replay" or sink not in pipeline.sinks):
        known = ", ".join(pipeline.sinks) or "none"
        raise click.BadParameter(
            f"is for list and reasons, and a sink of the file: {known}", param_hint="--sink"
        )
    if action == "replay":
        _replay(pipeline, connect())
    else:
        topic = (
            pipeline.dead_letter_topic
            if sink is None
            else connect_config.letters_topic(pipeline, sink)
        )
        show = _list if action == "list" else _reasons
        show(pipeline, connect(), topic, as_json, limit)


def _list(
    pipeline: Pipeline,
    kafka: KafkaSettings,
    topic: str,
    as_json: bool,
    limit: int | None,
) -> None:
    with reading.reading(pipeline, kafka) as reader:
        count = 0
        for letter in islice(letters_of.letters(pipeline, reader, topic), limit):
            click.echo(as_line(letter) if as_json else as_text(letter))
            count += 1
    click.echo(f"{count:,} listed of {topic}", err=True)


def _reasons(
    pipeline: Pipeline,
    kafka: KafkaSettings,
    topic: str,
    as_json: bool,
    limit: int | None,
) -> None:
    with reading.reading(pipeline, kafka) as reader:
        groups, left = by_reason(islice(letters_of.letters(pipeline, reader, topic), limit))
    for group in groups:
        click.echo(group_as_line(group) if as_json else group_as_text(group))
    total = left + sum(group.count for group in groups)
    more = f", {left:,} of them for other reasons" if left else ""
    click.echo(f"{total:,} in {topic}{more}", err=True)


def by_reason(letters: Iterable[letters_of.Letter]) -> tuple[list[Grouped], int]:
    """See `app.dead_letter_reasons.grouped`."""
    return reasons_of.grouped(letters, lambda it: (it.reason.stage, it.reason.message))


def group_as_text(group: Grouped) -> str:
    """One line: how many, and the first of them."""
    return f"{group.count:,} times, the first: {as_text(group.first)}"


def group_as_line(group: Grouped) -> str:
    """One line of JSON."""
    return json.dumps({"count": group.count} | _told(group.first))


def _replay(pipeline: Pipeline, kafka: KafkaSettings) -> None:
    name = letters_of.group(pipeline)
    with reading.reading(pipeline, kafka, name) as reader:
        resent = letters_of.resend(
            pipeline,
            reader,
            clients.resending_producer(kafka, name),
            clients.reading_consumer(kafka, name),
        )
    click.echo(f"{resent.sent:,} sent back from {pipeline.dead_letter_topic}")
    if resent.without_origin:
        click.echo(f"{resent.without_origin:,} passed over: no header names their origin", err=True)
    if resent.without_value:
        click.echo(f"{resent.without_value:,} passed over: their value was too large", err=True)


def as_text(letter: letters_of.Letter) -> str:
    """One line: coordinates, stage, reason and the beginning of the value."""
    why = letter.reason
    kind = why.exception.rsplit(".", 1)[-1]
    message = visible(" ".join(why.message.split()), None)
    place = f"{why.topic}[{why.partition}]@{why.offset}"
    return f"{visible(f'{place}  {why.stage}  {kind}', None)}: {message}  {_value(letter)}"


def as_line(letter: letters_of.Letter) -> str:
    """One line of JSON."""
    return json.dumps(_told(letter))


def _told(letter: letters_of.Letter) -> dict[str, object]:
    return letter.reason._asdict() | {"value": _value(letter)}


def _value(letter: letters_of.Letter) -> str:
    value = letter.record.value()
    if value is None:
        return "(no value)"
    text = value[: 4 * PREVIEW].decode(errors="backslashreplace")
    shown = visible(text, None)
    return shown if len(shown) <= PREVIEW else f"{shown[:PREVIEW]}… ({len(value):,} bytes)"
