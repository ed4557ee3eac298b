"""The loop of a budget: event after event, as long as its threshold holds."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from agents.decisions.kept import CAME, LEFT_OUT, Kept, see
from learners.engine.kernels import Bools, Floats, Ints, kernel


class Pace(NamedTuple):
    """What is the same for all events until the threshold is found anew.

    Attributes:
        start: When it was found, in milliseconds; what comes late counts as of then.
        end: When it is to be found again.
        span: When the span began.
        per: Milliseconds of a span.
        threshold: Infinity where no alert is left.
        allowed: The alerts of the whole span, where no past span is known: so many are spent
            evenly. Else infinity.
        since: When the span was first looked at, as a share of it.
        due: So many alerts in the span, and the threshold is to be found anew.
    """

    start: int
    end: int
    span: int
    per: int
    threshold: float
    allowed: float
    since: float
    due: int

    def share(self, time: int) -> float:
        """How much of the span has passed at a time of it."""
        return (max(time, self.start) - self.span) / self.per


class Events(NamedTuple):
    """The events of a batch, and what becomes of them.

    Attributes:
        times: In milliseconds since 1970.
        entities: The number of each event's entity in this batch.
        scores: NaN for none.
        rows: By the entity: its row in `Kept`, or -1.
        alerted: By the entity: the threshold at which it was alerted, or NaN.
        owners: By the row: the entity, or -1 for one that is not in this batch.
        born: By the row: the event whose entity was taken in there, or -1.
        counts: Of each event: entities that were ever taken in, and alerts, before it.
        alerts, thresholds, again: See `Decisions`.
        spent: Alerts of the span so far, and 1 once anything is to be saved.
    """

    times: Ints
    entities: Ints
    scores: Floats
    rows: Ints
    alerted: Floats
    owners: Ints
    born: Ints
    counts: Ints
    alerts: Bools
    thresholds: Floats
    again: Bools
    spent: Ints

    @classmethod
    def new(cls, times: Ints, entities: Ints, scores: Floats) -> Events:
        """Events of whose entities nothing is known."""
        n, no_integers = len(times), np.zeros(0, np.int64)
        return cls(
            times,
            entities,
            scores,
            no_integers,
            np.zeros(0),
            no_integers,
            no_integers,
            np.zeros((n, 2), np.int64),
            np.zeros(n, np.bool_),
            np.zeros(n),
            np.zeros(n, np.bool_),
            no_integers,
        )


@kernel
def decide(events: Events, pace: Pace, kept: Kept, first: int) -> int:
    """Decide from an event on, as long as the threshold holds; the place of the next event."""
    spent = events.spent
    count: int = events.times.shape[0]
    for i in range(first, count):
        time = max(events.times[i], pace.start)
        if time >= pace.end:
            return i
        at = (time - pace.span) / pace.per
        score, entity = events.scores[i], events.entities[i]
        threshold = pace.threshold
        if spent[0] > pace.allowed * (at - pace.since):
            threshold = math.inf
        events.counts[i, 0], events.counts[i, 1] = kept.counts[CAME], spent[0]
        if score != score:
            events.thresholds[i] = threshold
            continue
        events.again[i] = events.alerted[entity] == events.alerted[entity]
        if events.again[i]:
            threshold = events.alerted[entity]
        events.thresholds[i] = threshold
        left_out = kept.counts[LEFT_OUT]
        row = see(kept, events.rows[entity], at, score)
        if row >= 0 and events.rows[entity] != row:
            if events.owners[row] >= 0:
                events.rows[events.owners[row]] = -1
            events.owners[row], events.born[row], events.rows[entity] = entity, i, row
        if row >= 0 or kept.counts[LEFT_OUT] != left_out:
            spent[1] = 1
        events.alerts[i] = score >= threshold
        if not events.alerts[i]:
            events.again[i] = False
        elif not events.again[i]:
            events.alerted[entity] = threshold
            spent[0] += 1
            spent[1] = 1
            if spent[0] >= pace.due:
                return i + 1
    return count
