"""Batches of events and labels, for the compiled loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from agents.events.limits import all_fit
from agents.labels import kernels
from agents.labels.counts import JoinCounts
from agents.labels.deadlines import Deadlines
from agents.labels.entries import kept_fields
from agents.labels.joined import Joined
from agents.labels.kernels import (
    AT,
    DROP,
    EVENT,
    EXPIRED,
    EXPIRED_AT,
    EXPIRED_TIME,
    FORGET,
    GIVEN,
    HAPPENED,
    IDS,
    LEARN,
    LEARNED,
    MOST_VALUE,
    NOW,
    RUN,
    STEP,
    VALUES,
    WAITS,
    Arrivals,
    Happened,
)
from agents.labels.reader import ParsedLabel
from agents.labels.settings import JoinSettings
from agents.operations import Fields, ParsedEvent
from agents.records import given_label
from agents.tables.arrays import joined_bytes
from agents.tables.table import Table

_BESIDES = 32
"""Bytes of an entry besides its id and what is kept of it, at the most."""
_SPARE = 1 << 18
"""Bytes that entries may take which grow, until more room is made."""
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[Any]).decode
_to_json = msgspec.json.Encoder().encode
_from_json = msgspec.json.Decoder(list[Any]).decode


class Batch:
    """Events and labels that arrive, and how far they have come.

    Args:
        arrived: In order.
        keep: The fields of events that are kept.
        now: The time of the stream before.

    Attributes:
        arrived: In order.
        ids, records, fields, labels, weights: Of each, as in ``Operations``.
        came: They for the loop.
        run: Numbers of the loop.
        out: What happened, as far as it was not taken.
    """

    def __init__(
        self, arrived: Sequence[ParsedEvent | ParsedLabel], keep: tuple[str, ...], now: int
    ) -> None:
        self.arrived = arrived
        self.ids: list[Any] = [one.id for one in arrived]
        self.records = [one.record for one in arrived]
        self.fields: list[Any] = [
            one.fields if isinstance(one, ParsedEvent) else None for one in arrived
        ]
        self.labels: list[Any] = [
            one.label if isinstance(one, ParsedLabel) else None for one in arrived
        ]
        self.weights = [one.weight if isinstance(one, ParsedLabel) else 0 for one in arrived]
        kept = _kept(keep, [fields for fields in self.fields if fields is not None])
        values = [
            _pack(one.label) + _pack(one.weight) if isinstance(one, ParsedLabel) else next(kept)
            for one in arrived
        ]
        self.came = Arrivals(
            np.array([fields is None for fields in self.fields], np.bool_),
            np.array([one.time for one in arrived], np.int64),
            *joined_bytes(list(map(_to_json, self.ids))),
            *joined_bytes(values),
        )
        self.run = np.zeros(RUN, np.int64)
        self.run[NOW] = now
        self.out = _room_for(len(arrived))

    @property
    def at(self) -> int:
        """The next one to arrive."""
        return int(self.run[AT])

    def skip(self, now: int) -> None:
        """The next one was taken by somebody else; this is the time of the stream now."""
        self.run[AT] += 1
        self.run[NOW] = now


class Batches:
    """Lets batches of events and labels arrive.

    Args:
        table: The entries of the state.
        deadlines: Of all of them.
        settings: How labels find their events.
        instead: The label of an event that expires without one; None where it gets none.
    """

    def __init__(
        self, table: Table, deadlines: Deadlines, settings: JoinSettings, instead: Any
    ) -> None:
        self._table = table
        self._deadlines = deadlines
        self._settings = settings
        self._instead = instead
        limits = settings.expire, settings.max_waiting, instead is not None
        self._limits = np.array(limits, np.int64)
        self._scratch = np.empty(4 * MOST_VALUE, np.uint8)

    def warm_up(self) -> None:
        """Compile."""
        self.advance(self.begin([], 0))

    def begin(self, arrived: Sequence[ParsedEvent | ParsedLabel], now: int) -> Batch:
        """A batch, and the time of the stream before it."""
        return Batch(arrived, self._settings.keep, now)

    def advance(self, batch: Batch) -> bool:
        """Let a batch arrive as far as that is usual; False where a step comes that is not.

        It also ends where what happened is to be taken first.
        """
        left = len(batch.arrived) - batch.at
        size = len(batch.came.ids) + len(batch.came.values) + _BESIDES * left + _SPARE
        self._table.reserve(left, size, changes=len(batch.out.kinds))
        reason = kernels.advance(
            self._table.memory,
            self._deadlines.heap,
            batch.run,
            batch.came,
            batch.out,
            self._limits,
            self._scratch,
        )
        return bool(reason != STEP)

    def take(self, batch: Batch, joined: Joined, counts: JoinCounts) -> int:
        """Add what happened; returns the time of the stream."""
        run = batch.run
        count = int(run[HAPPENED])
        if count:
            self._add(batch, count, joined)
        counts.waiting += int(run[WAITS])
        counts.learned += int(run[LEARNED])
        counts.expired += int(run[EXPIRED])
        if run[EXPIRED]:
            counts.expired_time, counts.expired_at = int(run[EXPIRED_TIME]), int(run[EXPIRED_AT])
        run[HAPPENED:] = 0
        return int(run[NOW])

    def _add(self, batch: Batch, count: int, joined: Joined) -> None:
        run, out, name = batch.run, batch.out, self._settings.label
        by, kinds = out.by[:count].tolist(), out.kinds[:count].tolist()
        times = out.times[:count].tolist()
        ids, came, labels, weights, records = (
            [column[i] for i in by]
            for column in (batch.ids, batch.fields, batch.labels, batch.weights, batch.records)
        )
        values = _values(out, run)
        gone = iter(_from_json(b"[" + out.ids[: max(0, run[IDS] - 1)].tobytes() + b"]"))
        for k, kind in enumerate(kinds):
            if kind == EVENT:
                continue
            came[k] = next(values)
            if kind != LEARN:
                kinds[k], ids[k], labels[k], weights[k] = DROP, next(gone), None, 0
            if kind == FORGET:
                next(values), next(values)
            if kind == GIVEN:
                label = labels[k] = self._instead
                kinds[k], weights[k] = LEARN, 1
                records[k] = given_label(ids[k], label, times[k])
            if kinds[k] == LEARN:
                came[k][name] = labels[k]
        joined.extend(kinds, times, out.event_times[:count].tolist(), ids, came, labels, weights)
        joined.records += records
        joined.by += by


def _values(out: Happened, run: Any) -> Iterator[Any]:
    """What was kept of each event, as it was written one behind the other."""
    kinds = out.kinds[: run[HAPPENED]]
    count = int((kinds != EVENT).sum() + 2 * (kinds == FORGET).sum())
    return iter(_unpack(b"\xdd" + count.to_bytes(4, "big") + out.values[: run[VALUES]].tobytes()))


def _room_for(count: int) -> Happened:
    most, size = 2 * count + 64, 64 * count + 4 * MOST_VALUE
    return Happened(
        np.empty(most, np.int8),
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(size, np.uint8),
        np.empty(size, np.uint8),
    )


def _kept(names: tuple[str, ...], came: Sequence[Fields]) -> Iterator[bytes]:
    """What is kept of each event, as MessagePack."""
    columns = [[fields.get(name) for fields in came] for name in names]
    if columns and all(map(all_fit, columns)):  # so each has all of them, and they are plain
        return (_pack(dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True))
    return (_pack(kept_fields(names, fields)) for fields in came)
