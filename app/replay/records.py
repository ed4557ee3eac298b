"""Events and labels as the records that are sent."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import msgspec

from app.errors import RiverrunError
from app.pipeline.load import Pipeline
from app.replay.base import Event, Source
from topics.codecs import Codec


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
    """Where records of one kind go: the topic, its format, the field of their key, and the
    oldest timestamp that the topic keeps."""

    topic: str
    codec: Codec
    key: str | None
    oldest: int


def channels(
    pipeline: Pipeline, key: str | None, oldest: Mapping[str, int] | None
) -> dict[str, Channel]:
    """The channel of each kind. A label gets the key of its event, and so its partition."""
    events, labels, oldest = pipeline.events, pipeline.labels, oldest or {}
    found = {"event": Channel(events.topic, Codec(events.format), key, oldest.get(events.topic, 0))}
    if labels is not None:
        of_label = labels.id if key == events.id else key
        kept = oldest.get(labels.topic, 0)
        found["label"] = Channel(labels.topic, Codec(labels.format), of_label, kept)
    return found


def limited(events: Iterable[Event], limit: int, with_labels: bool) -> Iterator[Event]:
    """As many events; and the labels before the next one, where there are labels."""
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
        ReplayError: For one without its key, one that its topic would delete at once, or one
            that its format cannot hold.
    """
    for event in events:
        channel = to.get(event.kind)
        if channel is None:
            raise ReplayError(f"{source.where(event)}: a label, but the pipeline has no [labels]")
        when = event.timestamp
        if when is not None and when < channel.oldest:
            raise ReplayError(
                f"{source.where(event)}: {_a(event.kind)} of {_date(when)} is older than "
                f"{channel.topic} keeps (retention.ms): Kafka would delete it at once. "
                'Set topics.retention = "forever" before the topic is created, or alter the topic'
            )
        try:
            key, value = _key(event.fields, channel.key), channel.codec.encode(event.fields)
        except (ValueError, TypeError, OverflowError, msgspec.MsgspecError) as error:
            raise ReplayError(f"{source.where(event)}: {error}") from None
        yield Encoded(source.where(event), event.kind, channel.topic, key, value, when or 0)


def _a(kind: str) -> str:
    return "an event" if kind == "event" else "a label"


def _date(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp / 1000, UTC).date().isoformat()


def _key(fields: Mapping[str, Any], name: str | None) -> bytes | None:
    if name is None:
        return None
    value = fields.get(name)
    if value is None:
        raise ValueError(f'has no field "{name}" for the key of the record')
    return str(value).encode()
