"""Events and labels as the records that are sent."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import msgspec

from agents.events.limits import MAX_VALUE
from app.errors import RiverrunError
from app.pipeline.load import Pipeline
from app.pipeline.topics import writer_of
from app.replay.base import Event, Source, named
from topics.codecs import Codec
from topics.times import TimeLimits


class ReplayError(RiverrunError):
    """An event that cannot be sent, or that Kafka did not take."""


class Encoded(NamedTuple):
    """A record as it is sent, and where it comes from.

    Its timestamp is in milliseconds since 1970; 0 is the time of sending.
    """

    where: str
    kind: Literal["event", "label"]
    topic: str
    key: bytes | None
    value: bytes
    timestamp: int


@dataclass(frozen=True)
class Channel:
    """Where records of one kind go: the topic, its format, and the field of their key."""

    topic: str
    codec: Codec
    key: str | None


def channels(pipeline: Pipeline, source: Source, key: str | None = None) -> dict[str, Channel]:
    """The channel of each kind.

    A label gets the key of its event, and so its partition; with ``labels.key`` the event's id.

    Args:
        pipeline: Names the topics.
        source: Names a key, where the pipeline does not.
        key: The field of the key, before all others.
    """
    events, labels = pipeline.events, pipeline.labels
    key = key or events.key or source.key or events.id
    found = {"event": Channel(events.topic, writer_of(pipeline, "events"), key)}
    if labels is not None:
        by_id = key == events.id or labels.key == "id"
        of_label = labels.id if by_id else key
        found["label"] = Channel(labels.topic, writer_of(pipeline, "labels"), of_label)
    return found


def limited(events: Iterable[Event], limit: int | None, with_labels: bool) -> Iterator[Event]:
    """As many events (None: all); and the labels before the next one, where there are labels."""
    if limit is None:
        yield from events
        return
    for event in events:
        if event.kind == "event":
            if limit == 0:
                return
            limit -= 1
        yield event
        if limit == 0 and not with_labels:
            return


def records(
    source: Source, events: Iterable[Event], to: Mapping[str, Channel]
) -> Iterator[Encoded]:
    """The records of events, and of labels.

    Raises:
        ReplayError: For one without its key, one that is too large, or one that its format
            cannot hold.
    """
    for event in events:
        channel = to.get(event.kind)
        if channel is None:
            raise ReplayError(f"{source.where(event)}: a label, but the pipeline has no [labels]")
        try:
            key, value = _key(event.fields, channel.key), channel.codec.encode(event.fields)
        except (ValueError, TypeError, OverflowError, msgspec.MsgspecError) as error:
            raise ReplayError(f"{source.where(event)}: {error}") from None
        if len(value) > MAX_VALUE:
            size = f"{len(value):,} bytes; at most {MAX_VALUE:,} are read"
            raise ReplayError(f"{source.where(event)}: {_a(event.kind)} of {size}")
        when = event.timestamp or 0
        yield Encoded(source.where(event), event.kind, channel.topic, key, value, when)


def refuse_lost(record: Encoded, limits: TimeLimits | None, now: float) -> None:
    """Refuse a record whose time its topic does not take or keep, or overwrites.

    Args:
        record: One without a time passes.
        limits: Of its topic; None where they are not known.
        now: When it is written, in milliseconds since 1970.

    Raises:
        ReplayError: With its line, and what to do.
    """
    if record.timestamp and limits and (why := limits.refusal(record.timestamp, now)):
        what = f"{_a(record.kind)} of {_date(record.timestamp)} for {record.topic}"
        raise ReplayError(f"{record.where}: {what}: {why}")


def _a(kind: str) -> str:
    return "an event" if kind == "event" else "a label"


def _date(timestamp: int) -> str:
    return f"{datetime.fromtimestamp(timestamp / 1000, UTC):%Y-%m-%d %H:%M}"


def _key(fields: Mapping[str, Any], name: str | None) -> bytes | None:
    if name is None:
        return None
    value = fields.get(name)
    if value is None:
        has = f"it has {named(fields)}"
        raise ValueError(f'has no field "{name}" for the key of the record; {has}')
    return str(value).encode()
