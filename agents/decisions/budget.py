"""A number of alerts in each span of time, for the entities with the highest scores of it."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any, Literal

import msgpack
import msgspec

from agents import state_keys
from agents.decisions.highest import Highest
from agents.decisions.pacing import SPANS, Past, Span
from agents.keys import key_of
from agents.state import State

SLOTS = 96
"""Parts of a span: the threshold is found anew in each, and after alerts."""
STRIDE = 64
"""After every alert while so many are left; after 1 / STRIDE of them while there are more."""
LATEST_START = 0.25
"""A first span of which more than this share was missed is no example for others."""
KEPT = 4
"""Entities with the highest scores that are remembered of a span, in budgets."""
NOW, PAST = state_keys.DECISIONS_NOW, state_keys.DECISIONS_PAST


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What becomes of an event.

    Attributes:
        decision: "alert" or "pass".
        threshold: The score from which on it would have been an alert; None where none would.
        again: Whether its entity was alerted before in this span; the budget counts it once.
    """

    decision: Literal["alert", "pass"]
    threshold: float | None
    again: bool = False


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
        self._due = 0
        self._highest = Highest(1)
        self._past = Past()
        self._changed = self._turned = False
        self._restore()
        self._bound()

    def decide(self, time: int, entity: Any, score: float | None) -> Decision:
        """Decide one event.

        Args:
            time: In milliseconds since 1970; an event that comes late counts as of now.
            entity: None: an entity of its own.
            score: A finite number, or None.
        """
        if time < self._start:
            time = self._start
        elif time >= self._end:
            self._move(time)
        at = (time - self._span_start) / self._per
        if score is None:
            return Decision("pass", self._told(at))
        key = self._key(entity)
        known = self._alerted.get(key)
        threshold = self._told(at) if known is None else known
        self._changed |= self._highest.see(key, at, score)
        if threshold is None or score < threshold:
            return Decision("pass", threshold)
        if known is None:
            self._alerted[key] = threshold
            self._changed = True
            if len(self._alerted) >= self._due:
                self._aim(at)
        return Decision("alert", threshold, again=known is not None)

    def save(self) -> None:
        """Put what has changed into the state."""
        if self._turned:
            self._state.put(PAST, msgpack.packb([span.pack() for span in self._past.spans]))
        if self._changed:
            now = [
                self._per, self._span, self._slot, self._since, self._threshold, self._due,
                list(self._alerted.items()), self._highest.pack(),
            ]  # fmt: skip
            self._state.put(NOW, msgpack.packb(now))
        self._changed = self._turned = False

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

    def _key(self, entity: Any) -> str:
        if entity is not None:
            return key_of("", entity)
        return f"#{self._highest.count}.{len(self._alerted)}"

    def _bound(self) -> None:
        """Note when the slot of now begins and ends; in milliseconds, rounded up."""
        self._span_start = self._span * self._per
        self._start = self._span_start - (-self._slot * self._per // SLOTS)
        self._end = self._span_start - (-(self._slot + 1) * self._per // SLOTS)

    def _move(self, time: int) -> None:
        """To the span and the slot of now."""
        span, within = divmod(time, self._per)
        slot, at = within * SLOTS // self._per, within / self._per
        if span != self._span:
            if self._span >= 0 and self._since <= LATEST_START:
                done = Span(self._highest.rises(), self._highest.floor)
                self._past = Past([*self._past.spans, done][-SPANS:])
                self._turned = True
            self._since = at if self._span < 0 else 0.0
            self._span, self._slot, self._alerted = span, -1, {}
            self._highest = Highest(self._kept())
        if slot != self._slot:
            self._slot = slot
            self._changed = True
            self._aim(at)
        self._bound()

    def _aim(self, at: float) -> None:
        """Find the threshold for the alerts that are left."""
        spent = len(self._alerted)
        left = self._share(self._span) - spent
        self._due = spent + max(1, left // STRIDE)
        self._threshold = inf
        if left > 0:
            highest = self._highest
            self._threshold = self._past.threshold(at, self._since, spent, left, highest)

    def _told(self, at: float) -> float | None:
        """The threshold; None where the alerts are spent, or would be spent too soon."""
        if not self._past.spans:  # nothing is known: no more of the budget than of the span
            allowed = self._share(self._span) * (at - self._since)
            if len(self._alerted) > allowed:
                return None
        return self._threshold if self._threshold < inf else None
