"""The source of a first stage that adds features or joins labels: events as decoded fields."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from operator import itemgetter
from typing import Any

from agents.events.decoding import Decode, decode_all
from agents.events.limits import all_fit, fits, id_error
from agents.labels.counts import JoinCounts
from agents.labels.join import LabelJoin
from agents.labels.reader import LabelReader, ParsedLabel
from agents.operations import Operations, ParsedEvent
from agents.rejected import Rejected
from agents.sources.columns import ColumnReader
from topics.codecs import Codec
from topics.dead_letters import Stage
from topics.errors import DecodeError
from topics.records import Batch, Record, of_each

Arrived = ParsedEvent | ParsedLabel | Exception


class DecodeSource:
    """Reads records of the events topic, and of the labels topic where labels come later.

    Args:
        codec: The format of the events topic.
        id_field: The field of an event's id, or None.
        labels: The labels' topic, what reads it, and what joins it, or None where a later stage
            does; None without late labels.
    """

    def __init__(
        self,
        codec: Codec,
        id_field: str | None,
        labels: tuple[str, LabelReader, LabelJoin | None] | None = None,
    ) -> None:
        self._format = codec.name
        self._decode: Decode = codec.decoder(dict[str, Any])
        self._id = id_field
        self._columns = ColumnReader(codec, id_field)
        self._labels = labels and labels[:2]
        self._join = labels and labels[2]

    @property
    def labels(self) -> JoinCounts | None:
        """What happened to labels; None where none are joined."""
        return None if self._join is None else self._join.counts

    def save(self) -> None:
        """Put what has changed into the state."""
        if self._join is not None:
            self._join.save()

    def warm_up(self) -> None:
        """Compile the join."""
        if self._join is not None:
            self._join.warm_up()
        self._columns.warm_up()

    def read(self, batch: Batch) -> tuple[Operations, list[Rejected]]:
        """What happens by these records, in order; and what is set aside."""
        found = self._read_at_once(batch) or self._read_each(batch)
        found[0].origin = batch.topic, batch.partition
        return found

    def _read_at_once(self, batch: Batch) -> tuple[Operations, list[Rejected]] | None:
        """None where a record must be looked at by itself."""
        records, places = batch.records, batch.places or [0] * len(batch.records)
        if self._labels is None:
            operations = self._columns.events(records, places)
            return None if operations is None else (operations, [])
        topic, reader = self._labels
        if self._join is None:
            return None
        arrived = self._columns.arrived(records, topic, reader, self._join.keep)
        if arrived is None:
            return None
        joined = self._join.join(arrived)
        operations = joined.operations(records, places)
        operations.asked = self._columns.asked
        return operations, [each for _, each in joined.rejected]

    def _read_each(self, batch: Batch) -> tuple[Operations, list[Rejected]]:
        records, places = batch.records, batch.places or [0] * len(batch.records)
        arrived: list[ParsedEvent | ParsedLabel] = []
        good: list[int] = []
        rejected: list[tuple[int, Rejected]] = []
        for i, one in enumerate(self._arrived(records)):
            if isinstance(one, Exception):
                stage: Stage = "decode" if isinstance(one, DecodeError) else "validate"
                rejected.append((i, Rejected(records[i], stage, one)))
            else:
                arrived.append(one)
                good.append(i)
        causes, places = [records[i] for i in good], [places[i] for i in good]
        if self._join is None:
            operations = Operations.of([one.row() for one in arrived], causes, places)
        else:
            joined = self._join.run(arrived)
            operations = joined.operations(causes, places)
            rejected += [(good[at], each) for at, each in joined.rejected]
        operations.asked = self._columns.asked
        rejected.sort(key=itemgetter(0))  # stable: in the order in which it happened
        return operations, [each for _, each in rejected]

    def _arrived(self, records: Sequence[Record]) -> Sequence[Arrived]:
        """The event or label of each record, or why it has none."""
        if self._labels is None:
            return self._events(records)
        topic, reader = self._labels
        is_label = [name == topic for name in of_each(records, "topic")]
        labels = iter(reader.read(list(compress(records, is_label))))
        others = compress(records, [not one for one in is_label])
        events = iter(self._events(list(others)))
        return [next(labels if one else events) for one in is_label]

    def _events(self, records: Sequence[Record]) -> Sequence[Arrived]:
        decoded = decode_all(self._decode, self._format, records)
        name = self._id
        ids = [said.get(name) if type(said) is dict else None for said in decoded]
        good = bool(ids) and all_fit(ids)
        arrived: list[Arrived] = []
        stamps = of_each(records, "timestamp")
        for record, said, id_, (_, time) in zip(records, decoded, ids, stamps, strict=True):
            if isinstance(said, Exception):
                arrived.append(said)
            elif name is None or good or fits(id_):
                arrived.append(ParsedEvent(id_, time, said, record))
            else:
                arrived.append(id_error(name, id_))
        return arrived
