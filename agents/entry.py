"""Where records come in: events are decoded, labels find their events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agents.events.fields import plain
from agents.events.limits import decode_one, fits, id_error
from agents.labels.counts import JoinCounts
from agents.labels.join import LabelJoin
from agents.labels.reader import LabelReader
from agents.ops import Event, Op
from topics.codecs import Codec
from topics.dead_letters import Stage
from topics.records import Record, Source

Letter = tuple[Record, Stage, Exception]
"""A record that is set aside, at which stage, and why."""


class Entry:
    """The reader of the first stage.

    Args:
        codec: The format of the events topic.
        id_field: The field of an event's id, or None.
        labels: The labels' topic, what reads it, and what joins it; None without late labels.
    """

    def __init__(
        self,
        codec: Codec,
        id_field: str | None,
        labels: tuple[str, LabelReader, LabelJoin] | None = None,
    ) -> None:
        self._format = codec.name
        self._decode: Callable[[bytes], Any] = codec.decoder(dict[str, Any])
        self._id = id_field
        self._labels = labels

    @property
    def counts(self) -> JoinCounts | None:
        """What happened to labels; None without late labels."""
        return None if self._labels is None else self._labels[2].counts

    def save(self) -> None:
        """Put what has changed into the state."""
        if self._labels is not None:
            self._labels[2].save()

    def read(self, record: Record, letters: list[Letter]) -> list[Op]:
        """What happens by this record, in order; what is set aside goes to ``letters``.

        Raises:
            DecodeError, InvalidEvent: when the record itself is of no use.
        """
        if self._labels is None:
            return [self._event(record)]
        topic, reader, join = self._labels
        if record.topic() == topic:
            ops = join.label(reader.read(record))
        else:
            ops = join.event(self._event(record))
        if join.failures:
            letters += join.failures
            join.failures = []
        return ops

    def _event(self, record: Record) -> Event:
        key = record.key()
        fields = decode_one(self._decode, self._format, plain, key or b"", record.value())
        id_ = fields.get(self._id) if self._id else None
        if self._id and not fits(id_):
            raise id_error(self._id, id_)
        _, time = record.timestamp()
        return Event(id_, time, fields, None, key, Source.of(record), record)
