"""The source of a later stage: what the stage before has forwarded over Kafka."""

from __future__ import annotations

import msgspec

from agents.forwarded import ForwardedEvent, ForwardedLabel, Message, UnjoinedLabel
from agents.operations import EVENT, KINDS, UNJOINED, Letters, Operations, Row
from agents.packing import unpacker
from agents.records import StoredRecord
from agents.rejected import Rejected, read_each
from topics.errors import DecodeError
from topics.records import Batch, Record


class ForwardedSource:
    """Reads the operations that the stage before has forwarded.

    Args:
        letters: How dead letters are made of it.
    """

    labels = None

    def __init__(self, letters: Letters) -> None:
        self._decode = unpacker(ForwardedEvent | ForwardedLabel | UnjoinedLabel)
        self._letters = letters

    def save(self) -> None:
        """Nothing: there is no state."""

    def warm_up(self) -> None:
        """Nothing is compiled."""

    def read(self, batch: Batch) -> tuple[Operations, list[Rejected]]:
        """What these records say; one that no stage has written is set aside."""
        records, places = batch.records, batch.places or [0] * len(batch.records)
        rejected: list[Rejected] = []
        found = list(read_each(records, self._row, DecodeError, rejected))
        taken = [i for i, _ in found]
        causes, at = [records[i] for i in taken], [places[i] for i in taken]
        operations = Operations.of([row for _, row in found], causes, at)
        operations.letters = self._letters
        return operations, rejected

    def _row(self, record: Record) -> Row:
        try:
            return _row(self._decode(record.value() or b""))  # a tombstone is no operation
        except (msgspec.MsgspecError, IndexError) as error:
            raise DecodeError(f"no operation of the stage before: {error}") from None


def _row(said: Message) -> Row:
    if isinstance(said, UnjoinedLabel):
        raw = StoredRecord(said.source, said.key, said.value, said.time, said.headers)
        return UNJOINED, said.time, said.time, said.id, {}, said.label, None, said.weight, raw
    record = StoredRecord(said.source, said.key, None, said.time)
    if isinstance(said, ForwardedEvent):
        return EVENT, said.time, said.time, said.id, said.fields, None, None, 0, record
    return (
        KINDS.index(said.kind) + 1,
        said.time,
        said.event_time,
        said.id,
        said.fields,
        said.label,
        said.before,
        said.weight,
        record,
    )
