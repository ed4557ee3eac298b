"""Scored events on their way from all partitions to the one stage that decides or evaluates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import msgspec
import numpy as np

from agents.blocks import blocks
from agents.operations import EVENT, Operations
from agents.packing import pack, unpacker
from agents.records import StoredRecord
from agents.sinks.scored import ScoredBatch
from topics.records import Outgoing, Reason, Source

LAYOUT = 2
"""Of a block; 1 had no shares. Who decides refuses a block of a later one."""


class ScoresUnreadable(ValueError):
    """A record of scores that no scorer of this version has written."""


class _Packed(msgspec.Struct, array_like=True, gc=False):
    """A block as it lies on Kafka: columns of all operations, then those of the events."""

    layout: int
    kinds: bytes
    times: bytes
    event_times: bytes
    ids: list[Any]
    labels: list[Any]
    topic: str
    partitions: list[int]
    offsets: list[int]
    keys: list[bytes | None]
    fields: list[dict[str, Any]]
    predictions: list[Any]
    scores: list[float | None]
    versions: list[int]
    reasons: list[list[tuple[str, float]]]
    baselines: dict[str, list[Any]] | None
    decisions: list[Literal["alert", "pass"] | None]
    shares: list[tuple[int, ...]] = []


@dataclass(frozen=True, slots=True)
class ForwardedScores:
    """The scored events of a batch on their way, and its labels where these are needed.

    Attributes:
        topic: Between the two stages.
        fields: Those that go along; None for all.
        scored: In the order in which it happened.
    """

    topic: str
    fields: tuple[str, ...] | None
    scored: ScoredBatch

    @classmethod
    def of(
        cls, topic: str, fields: tuple[str, ...] | None, scored: ScoredBatch, *, with_labels: bool
    ) -> ForwardedScores:
        """The scored events of a batch, and its labels where somebody evaluates."""
        wanted = (scored.operations.kinds != EVENT) & with_labels
        wanted[scored.at] = True
        return cls(topic, fields, scored.take(np.flatnonzero(wanted)))

    @classmethod
    def joined(cls, parts: Sequence[ForwardedScores]) -> ForwardedScores:
        """All of a round, in the order of places."""
        first, scored = parts[0], ScoredBatch.joined([part.scored for part in parts])
        order = np.argsort(scored.operations.places, kind="stable")
        return cls(first.topic, first.fields, scored.take(order))

    def outgoing(self) -> list[Outgoing]:
        """The records to be written."""
        encoded = partial(encode, names=self.fields)
        found = blocks(self.scored, len(self.scored.operations), encoded, _part)
        return [
            Outgoing(self.topic, None, value, 0, place=int(scored.operations.places[0]))
            for scored, value in found
        ]


def _part(scored: ScoredBatch, at: range) -> ScoredBatch:
    return scored.take(np.array(at))


def encode(scored: ScoredBatch, names: tuple[str, ...] | None) -> bytes:
    """The value of a record: a block with these fields of the events, or with all; see `decode`."""
    operations, at = scored.operations, scored.at.tolist()
    records = [operations.records[i] for i in at]
    return pack(
        _Packed(
            LAYOUT,
            operations.kinds.tobytes(),
            operations.times.tobytes(),
            operations.event_times.tobytes(),
            list(operations.ids),
            operations.labels,
            (records[0].topic() or "") if records else "",
            [record.partition() or 0 for record in records],
            [record.offset() or 0 for record in records],
            [record.key() for record in records],
            _fields(scored, names),
            scored.predictions,
            scored.scores,
            scored.versions,
            [[(r.feature, r.contribution) for r in each] for each in scored.reasons],
            scored.baselines,
            list(scored.decisions),
            scored.shares,
        )
    )


def _fields(scored: ScoredBatch, names: tuple[str, ...] | None) -> list[dict[str, Any]]:
    operations = scored.operations
    if names is None:
        return [operations.fields(i) for i in scored.at.tolist()]
    columns = [list(operations.column(name, scored.at)) for name in names]
    rows = zip(*columns, strict=True) if columns else [()] * len(scored)
    return [{n: v for n, v in zip(names, row, strict=True) if v is not None} for row in rows]


_unpack = unpacker(_Packed)


def decode(value: bytes | None) -> ScoredBatch:
    """A block as it was encoded; every event in it is a scored one.

    Raises:
        ScoresUnreadable: when it is none, or of another layout.
    """
    try:
        said: _Packed = _unpack(value or b"")  # a tombstone is no block
    except (msgspec.MsgspecError, IndexError) as error:
        raise ScoresUnreadable(f"no block of scores: {error}") from error
    if not 1 <= said.layout <= LAYOUT:
        raise ScoresUnreadable(f"a block of scores of layout {said.layout}, not {LAYOUT}")
    _require_even(said)
    operations = _operations(said)
    scored = ScoredBatch(operations, operations.events)
    scored.predictions, scored.scores, scored.versions = (
        said.predictions,
        said.scores,
        said.versions,
    )
    scored.reasons = [tuple(Reason(*pair) for pair in each) for each in said.reasons]
    scored.baselines, scored.decisions = said.baselines, said.decisions
    scored.shares = said.shares
    return scored


def _require_even(said: _Packed) -> None:
    """All columns of the operations are of one length, and all of the events."""
    count = len(said.kinds)
    events = int(np.count_nonzero(np.frombuffer(said.kinds, np.int8) == EVENT))
    whole = len(said.times) == len(said.event_times) == 8 * count
    whole &= len(said.ids) == len(said.labels) == count
    columns: list[Sequence[Any]] = [said.partitions, said.offsets, said.keys, said.fields]
    columns += [said.predictions, said.scores, said.versions, *(said.baselines or {}).values()]
    whole &= all(len(column) == events for column in columns)
    # Where nobody asks for reasons or decides, or one learner learns, there are none.
    optional: list[Sequence[Any]] = [said.reasons, said.decisions, said.shares]
    whole &= all(len(column) in (0, events) for column in optional)
    if not whole:
        raise ScoresUnreadable("no block of scores: its columns are not of one length")


def _operations(said: _Packed) -> Operations:
    kinds = np.frombuffer(said.kinds, np.int8)
    times = np.frombuffer(said.times, np.int64)
    event_times = np.frombuffer(said.event_times, np.int64)
    at, count = np.flatnonzero(kinds == EVENT).tolist(), len(kinds)
    came: list[dict[str, Any]] = [{} for _ in range(count)]
    records = [StoredRecord(Source("", -1, -1), None, None, time) for time in times.tolist()]
    for j, i in enumerate(at):
        source = Source(said.topic, said.partitions[j], said.offsets[j])
        came[i], records[i] = (
            said.fields[j],
            StoredRecord(source, said.keys[j], None, int(times[i])),
        )
    return Operations(
        *(kinds, (times, event_times), said.ids, came),
        *(said.labels, [None] * count, [0] * count),
        *(records, records, np.zeros(count, np.int64)),
    )
