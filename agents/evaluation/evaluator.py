"""Judges the predictions of one partition: prequential, and when their labels come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgpack
import numpy as np

from agents import state_keys
from agents.evaluation.detected import PREFIX as CAUGHT
from agents.evaluation.detected import Detected
from agents.evaluation.figures import (
    ALERTS,
    FROZEN,
    MODEL,
    RIVALS,
    RULE,
    has_bools,
    judge_alerts,
    judge_rival,
)
from agents.evaluation.naive import judge_naive
from agents.evaluation.window import ScoredEvent, Window
from agents.operations import DROP, EVENT
from agents.shares import share
from agents.sinks.scored import ScoredBatch
from agents.state import State
from agents.views import Section
from learners.base import Task
from learners.errors import LabelError
from learners.labels import check_label
from topics.metrics import WindowMetrics
from topics.times import DAY

"""Milliseconds."""

PARTS = 10
"""Of a window: once in each, the windows that are still open are judged by what is known."""

PREFIX = state_keys.JUDGE
_CLOCK = state_keys.JUDGE_CLOCK


@dataclass(frozen=True, slots=True)
class EvaluatorSettings:
    """How a partition is judged. All times in milliseconds.

    Attributes:
        partition: Its number.
        window: Length of a window; windows begin at multiples of it since 1970.
        k: Places in each window, of all partitions together.
        entity: The field of the entities, None: no card precision, and every event is one.
        amount: The field of the money, None: no money.
        fee: Money that it costs to look at an entity.
        expire: After so long a label is awaited no more; 0 where labels come with their events.
        remember: So long after its window, a caught entity is left out of the places.
        partitions: How many share the places.
    """

    partition: int
    window: int = DAY
    k: int = 100
    entity: str | None = None
    amount: str | None = None
    fee: float = 1.0
    expire: int = 30 * DAY
    remember: int = 365 * DAY
    partitions: int = 1

    def places(self, start: int) -> int:
        """The places of this partition in the window that starts then; see `share`."""
        return share(self.k, self.partition, self.partitions, start // self.window)


class Evaluator:
    """Windows of event time, each closed once all labels of its events are known.

    An event counts to the window that its time lies in. What was said of it stays, its label is
    noted when it comes. A window is closed, in order, when the stream has passed it by a tenth
    of its length, and each event in it has its label or will get none; at the latest `expire`
    after its end. An event of a closed window is not judged; a label, or a correction, that comes
    after the closing changes nothing. Neither does an event with the id of one in an open window.

    The state has an entry for every 64 events of open windows: 42 bytes an event with all three
    rivals, its id, and its entity. An entry for each window keeps who was caught in it.

    Args:
        settings: What is counted.
        state: Of the partition; this part's keys begin with "judge/".
        task: Of the learner. Anomalies are judged as two classes are.
    """

    def __init__(self, settings: EvaluatorSettings, state: State, task: Task) -> None:
        self._settings = settings
        self._task = task
        self._label_task: Task = "binary" if has_bools(task) else task
        self._windows: dict[int, Window] = {}
        self._rows: dict[Any, int] = {}
        self._section = Section(state, PREFIX)
        self._caught = Detected(self._section)
        self._now = self._closed_until = 0
        self._begin_part(0)
        self._first: Window | None = None
        self._first_may_close = self._first_must_close = 0
        self._restore()

    def watch(self, scored: ScoredBatch, said: Mapping[str, Sequence[Any]]) -> list[WindowMetrics]:
        """Note what was said of events, and what became known of them, in the order of a batch.

        Args:
            scored: The batch. Each event is there with its own label, where it brought one.
            said: By "model", "frozen" and "rule", of each scored event: the score, for several
                classes the class; None where nothing was said.

        Returns:
            What is to be published now.
        """
        operations, records = scored.operations, list[WindowMetrics]()
        values, new = self._said(scored, said), defaultdict[int, list[int]](list)
        scored_at = {at: j for j, at in enumerate(scored.at)}
        starts = operations.event_times - operations.event_times % self._settings.window
        columns = (
            operations.kinds.tolist(),
            operations.times.tolist(),
            starts.tolist(),
            operations.ids,
            operations.labels,
        )
        for i, (kind, time, start, id_, label) in enumerate(zip(*columns, strict=True)):
            if kind != EVENT:
                self._hear(start, id_, kind, label)
            elif i not in scored_at:
                continue
            elif start >= self._closed_until and id_ not in self._rows:
                window = self._window(start)
                row = window.reserve(id_)
                new[start].append(scored_at[i])
                if label is not None:
                    self._learn(window, row, label)
            if time > self._now:
                self._now = time
            if self._now >= self._next_part or self._first_is_done():
                self._fill(new, values)
                records += self._passed()
        self._fill(new, values)
        return records

    def save(self) -> None:
        """Put what changed into the state; called once before each commit."""
        for window in self._windows.values():
            for number, chunk in window.changes().items():
                self._section.put(f"{PREFIX}{window.start}/{number}", chunk)
        heard = {window.start: (window.heard, window.shown) for window in self._in_order()}
        clock = msgpack.packb((self._now, self._closed_until, self._part, heard))
        if clock != self._section.get(_CLOCK):
            self._section.put(_CLOCK, clock)

    def _said(self, scored: ScoredBatch, said: Mapping[str, Sequence[Any]]) -> ScoredEvent:
        at, settings = np.array(scored.at, np.int64), self._settings

        def column(name: str | None) -> Sequence[Any]:
            if name is None:
                return [None] * len(at)
            found = scored.operations.column(name, at)
            return found if isinstance(found, list) else found.tolist()

        decisions = scored.decisions or [None] * len(at)
        return ScoredEvent(column(settings.entity), column(settings.amount), decisions, said)

    def _fill(self, new: dict[int, list[int]], said: ScoredEvent) -> None:
        """Give the new events of each window what was said of them."""
        for start, at in new.items():
            self._windows[start].fill(said.some(at))
        new.clear()

    def _hear(self, start: int, id_: Any, kind: int, label: Any) -> None:
        """Note what became known of an event of the window that begins at ``start``."""
        window = self._windows.get(start)
        row = None if window is None else window.row(id_)
        if window is None or row is None:
            return
        if kind == DROP:
            window.drop(row)
        else:
            self._learn(window, row, label)

    def _passed(self) -> list[WindowMetrics]:
        """Close what the stream's time has passed, and judge the others now and then."""
        records = []
        while self._first is not None and self._first_is_done():
            records.append(self._close(self._first))
        if self._now >= self._next_part:
            self._begin_part(self._now * PARTS // self._settings.window)
            records += [self._interim(w) for w in self._in_order() if w.heard > w.shown]
        return records

    def _begin_part(self, part: int) -> None:
        self._part = part
        self._next_part = -(-(part + 1) * self._settings.window // PARTS)

    def _first_is_done(self) -> bool:
        """Whether the first window may be closed: what it waits for is over."""
        first = self._first
        if first is None or self._now < self._first_may_close:
            return False
        return not first.open or self._now >= self._first_must_close

    def _find_first(self) -> None:
        self._first = first = next(iter(self._in_order()), None)
        if first is not None:
            end = first.start + self._settings.window
            self._first_may_close = end - (-self._settings.window // PARTS)
            self._first_must_close = max(self._first_may_close, end + self._settings.expire)

    def _close(self, window: Window) -> WindowMetrics:
        self._caught.forget(window.start - self._settings.remember)
        record, caught = self._judge(window, final=True)
        self._caught.close(window.start, caught)
        for number in range(window.chunks()):
            self._section.delete(f"{PREFIX}{window.start}/{number}")
        del self._windows[window.start]
        window.forget()
        self._closed_until = window.start + self._settings.window
        self._find_first()
        return record

    def _interim(self, window: Window) -> WindowMetrics:
        window.shown = window.heard
        return self._judge(window, final=False)[0]

    def _judge(self, window: Window, *, final: bool) -> tuple[WindowMetrics, dict[str, list[Any]]]:
        settings, task = self._settings, self._task
        known = window.known(settings.entity is not None, settings.amount is not None)
        metrics, caught, places = {}, {}, settings.places(window.start)
        for rival in RIVALS:
            metrics[rival], caught[rival] = judge_rival(
                task, known, rival, places, settings.fee, self._caught.by(rival)
            )
        decided = None
        if window.decided and has_bools(task):
            before = self._caught.by(ALERTS)
            decided, caught[ALERTS] = judge_alerts(known, settings.fee, before)
        return WindowMetrics(
            start=window.start,
            end=window.start + settings.window,
            partition=settings.partition,
            final=final,
            time=self._now,
            k=places,
            events=len(window),
            labelled=len(known),
            positives=int((known.labels == 1).sum()) if has_bools(task) else None,
            alerts=window.alerts,
            model=metrics[MODEL],
            frozen=metrics[FROZEN],
            rule=metrics[RULE],
            decided=decided,
            **judge_naive(task, known),
        ), caught

    def _learn(self, window: Window, row: int, label: Any) -> None:
        """A label that cannot be judged is none."""
        try:
            checked = check_label(self._label_task, label)
        except LabelError:
            checked = None
        if checked is None:
            window.drop(row)
        else:
            window.learn(row, checked)

    def _window(self, start: int) -> Window:
        window = self._windows.get(start)
        if window is None:
            window = self._windows[start] = Window(start, self._task != "multiclass", self._rows)
            self._find_first()
        return window

    def _in_order(self) -> list[Window]:
        return [self._windows[start] for start in sorted(self._windows)]

    def _restore(self) -> None:
        clock = self._section.get(_CLOCK)
        if clock is None:
            return
        self._now, self._closed_until, part, heard = msgpack.unpackb(clock, strict_map_key=False)
        self._begin_part(part)
        chunks = {}
        for key in sorted(self._section.keys):
            value = self._section.get(key) or b""
            if key.startswith(CAUGHT):
                self._caught.restore(key, value)
            elif key != _CLOCK:
                start, number = key.removeprefix(PREFIX).split("/")
                chunks[int(start), int(number)] = value
        for (window, _), chunk in sorted(chunks.items()):
            self._window(window).restore(chunk)
        for window, (said, shown) in heard.items():
            self._windows[window].heard, self._windows[window].shown = said, shown
