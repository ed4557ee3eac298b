"""Batches of events and labels, for the compiled loop."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from agents.labels import kernels
from agents.labels.arrived import Arrived
from agents.labels.counts import JoinCounts
from agents.labels.deadlines import Deadlines
from agents.labels.joined import Joined, JoinedFields
from agents.labels.kernels import (
    AT,
    DROP,
    EXPIRED,
    EXPIRED_AT,
    EXPIRED_TIME,
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
from agents.labels.settings import JoinSettings
from agents.records import given_label
from agents.tables.table import Table

_BESIDES = 32
"""Bytes of an entry besides its id and what is kept of it, at the most."""
_SPARE = 1 << 18
"""Bytes that entries may take which grow, until more room is made."""
_from_json = msgspec.json.Decoder(list[Any]).decode


class ArrivedBatch:
    """Events and labels that arrive, and how far they have come.

    Args:
        arrived: In order.
        now: The time of the stream before.

    Attributes:
        arrived: In order.
        came: They for the loop.
        run: Numbers of the loop.
        out: What happened, as far as it was not taken.
    """

    def __init__(self, arrived: Arrived, now: int) -> None:
        self.arrived = arrived
        self.came = Arrivals(arrived.are_labels, arrived.times, *arrived.ids_as_json, *arrived.kept)
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
        self.advance(ArrivedBatch(Arrived.of([], ()), 0))

    def advance(self, batch: ArrivedBatch) -> bool:
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

    def take(self, batch: ArrivedBatch, joined: Joined, counts: JoinCounts) -> int:
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

    def _add(self, batch: ArrivedBatch, count: int, joined: Joined) -> None:
        run, out, arrived = batch.run, batch.out, batch.arrived
        by, kinds = out.by[:count].tolist(), out.kinds[:count].tolist()
        times = out.times[:count].tolist()
        ids, labels, weights, records = (
            [column[i] for i in by]
            for column in (arrived.ids, arrived.labels, arrived.weights, arrived.records)
        )
        gone = iter(_from_json(b"[" + out.ids[: max(0, run[IDS] - 1)].tobytes() + b"]"))
        for k in np.flatnonzero(out.kinds[:count] >= DROP).tolist():
            ids[k], labels[k], weights[k] = next(gone), None, 0
            if kinds[k] == GIVEN:
                label = labels[k] = self._instead
                kinds[k], weights[k] = LEARN, 1
                records[k] = given_label(ids[k], label, times[k])
            else:
                kinds[k] = DROP
        came = JoinedFields(
            arrived,
            self._settings.label,
            np.array(kinds, np.int8),
            out.by[:count].copy(),
            labels,
            out.values[: run[VALUES]].tobytes(),
            out.ends[:count].copy(),
        )
        joined.extend(kinds, times, out.event_times[:count].tolist(), ids, came, labels, weights)
        joined.records += records
        joined.by += by


def _room_for(count: int) -> Happened:
    most, size = 2 * count + 64, 64 * count + 4 * MOST_VALUE
    return Happened(
        np.empty(most, np.int8),
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(size, np.uint8),
        np.empty(most, np.int64),
        np.empty(size, np.uint8),
    )
