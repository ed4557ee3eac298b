"""A number of alerts in each span of time, for the entities with the highest scores of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, nan
from typing import Any, NamedTuple

import msgpack
import numpy as np

from agents import state_keys
from agents.decisions.deciding import Events, Pace, decide
from agents.decisions.entities import Entities
from agents.decisions.highest import Highest
from agents.decisions.pacing import SPANS, Past, Span
from agents.state import State
from learners.engine.kernels import Bools, Floats, Ints

SLOTS = 96
"""Parts of a span: the threshold is found anew in each, and after alerts."""
STRIDE = 64
"""After every alert while so many are left; after 1 / STRIDE of them while there are more."""
LATEST_START = 0.25
"""A first span of which more than this share was missed is no example for others."""
KEPT = 4
"""Entities with the highest scores that are remembered of a span, in budgets."""
NOW, PAST = state_keys.DECISIONS_NOW, state_keys.DECISIONS_PAST


class Decisions(NamedTuple):
    """What becomes of some events, as columns.

    Attributes:
        alerts: Which are alerts; the others pass.
        thresholds: The score from which on each would have been one; NaN where none would.
        again: Whose entity was alerted before in this span; the budget counts it once.
    """

    alerts: Bools
    thresholds: Floats
    again: Bools


class Budget:
    """Decides event after event; see docs/decisions.md.

    What it remembers is bounded: the alerted entities of this span, the entities with the
    highest scores of it, ``KEPT`` budgets of them, and those of the latest spans.

    Args:
        share: The alerts of a span, by its number since 1970.
        per: Milliseconds of a span.
        state: What was restored, and what ``save`` writes to.
    """

    def __init__(self, share: Callable[[int], int], per: int, state: State) -> None:
        self._share = share
        self._per = per
        self._state = state
        self._span = self._slot = -1
        self._since, self._threshold = 0.0, inf
        self._alerted: dict[str, float] = {}
        self._due = 1
        self._highest = Highest(1)
        self._past = Past()
        self._turned = False
        self._restore()
        self._spent = np.array([len(self._alerted), False])
        self._pace = self._paced()

    def decide(self, times: Ints, entities: Sequence[Any] | None, scores: Floats) -> Decisions:
        """Decide events, one after another.

        Args:
            times: In milliseconds since 1970; an event that comes late counts as of now.
            entities: Of each event; None, as a whole or for one: an entity of its own.
            scores: Finite, or NaN for none.
        """
        count, whose = len(times), Entities.of(entities, len(times))
        events = self._of_span(Events.new(times, whose.numbers, scores), whose)
        at = first = 0
        while True:
            at = decide(events, self._pace, self._highest.kept, at)
            if self._spent[0] >= self._due:
                self._aim(self._pace.share(int(times[at - 1])))
                self._pace = self._paced()
            elif at == count:
                break
            elif self._move(int(times[at])):
                events, first = self._of_span(events, whose), at
        self._note(events, whose, first)
        thresholds = events.thresholds
        thresholds[np.isinf(thresholds) & (thresholds > 0)] = nan
        return Decisions(events.alerts, thresholds, events.again)

    def save(self) -> None:
        """Put what has changed into the state."""
        if self._turned:
            self._state.put(PAST, msgpack.packb([span.pack() for span in self._past.spans]))
        if self._spent[1]:
            now = [
                self._per, self._span, self._slot, self._since, self._threshold, self._due,
                list(self._alerted.items()), self._highest.pack(),
            ]  # fmt: skip
            self._state.put(NOW, msgpack.packb(now))
        self._spent[1] = self._turned = False

    def _restore(self) -> None:
        past, now = self._state.get(PAST), self._state.get(NOW)
        if now is None:
            return
        per, *rest = msgpack.unpackb(now)
        if per != self._per:
            return  # spans of another length are no example, and have other numbers: begin anew
        (
            self._span, self._slot, self._since, self._threshold, self._due, alerted, highest,
        ) = rest  # fmt: skip
        self._alerted = dict(alerted)
        self._highest = Highest(self._kept(), highest)
        if past is not None:
            self._past = Past([Span.unpack(span) for span in msgpack.unpackb(past)])

    def _kept(self) -> int:
        return KEPT * (self._share(self._span) + 16)

    def _of_span(self, events: Events, whose: Entities) -> Events:
        """The events, with what is known of their entities in this span."""
        rows = self._highest.rows(whose.keys)
        owners = np.full(len(self._highest.kept.lengths), -1)
        owners[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
        alerted = np.array([self._alerted.get(key or "", nan) for key in whose.keys])
        born = np.full(len(owners), -1)
        return events._replace(
            rows=rows, alerted=alerted, owners=owners, born=born, spent=self._spent
        )

    def _note(self, events: Events, whose: Entities, first: int) -> None:
        """Note what became of the entities of this span, which began with this event or before."""

        def key(i: int) -> str:
            came, spent = events.counts[i].tolist()
            return whose.keys[events.entities[i]] or f"#{came}.{spent}"

        new = np.flatnonzero(events.alerts[first:] & ~events.again[first:]) + first
        self._alerted |= {key(i): float(events.thresholds[i]) for i in new.tolist()}
        taken = np.flatnonzero(events.born >= 0).tolist()
        self._highest.name({row: key(events.born[row]) for row in taken})

    def _move(self, time: int) -> bool:
        """To the slot of this time; whether it is in another span."""
        span, within = divmod(time, self._per)
        slot, at = within * SLOTS // self._per, within / self._per
        turned = span != self._span
        if turned:
            if self._span >= 0 and self._since <= LATEST_START:
                done = Span(self._highest.rises(), self._highest.floor)
                self._past = Past([*self._past.spans, done][-SPANS:])
                self._turned = True
            self._since = at if self._span < 0 else 0.0
            self._span, self._slot, self._alerted = span, -1, {}
            self._highest = Highest(self._kept())
            self._spent[0] = 0
        if slot != self._slot:
            self._slot = slot
            self._spent[1] = True
            self._aim(at)
        self._pace = self._paced()
        return turned

    def _aim(self, at: float) -> None:
        """Find the threshold for the alerts that are left."""
        spent = int(self._spent[0])
        left = self._share(self._span) - spent
        self._due = spent + max(1, left // STRIDE)
        self._threshold = inf
        if left > 0:
            highest = self._highest
            self._threshold = self._past.threshold(at, self._since, spent, left, highest)

    def _paced(self) -> Pace:
        """What holds until the threshold is found anew. Slots begin at whole milliseconds."""
        span, per, slot = self._span * self._per, self._per, self._slot
        start, end = span - (-slot * per // SLOTS), span - (-(slot + 1) * per // SLOTS)
        # Where nothing is known: no more of the budget than of the span.
        known = bool(self._past.spans)
        allowed, since = (inf, -1.0) if known else (float(self._share(self._span)), self._since)
        return Pace(start, end, span, per, self._threshold, allowed, since, self._due)
