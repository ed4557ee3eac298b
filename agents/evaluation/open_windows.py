"""The windows that are open: events and what becomes known of them find theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from agents.evaluation.classes import Classes
from agents.evaluation.cuts import EvaluatedBatch
from agents.evaluation.figures import has_bools
from agents.evaluation.settings import PARTS, EvaluatorSettings
from agents.evaluation.window import Window
from agents.operations import DROP
from learners.base import Task
from learners.engine.kernels import Ints
from learners.errors import LabelError
from learners.labels import check_label


class OpenWindows:
    """The open windows of a partition.

    Args:
        settings: How long they are, and how long they stay open.
        task: Of the learner.

    Attributes:
        first: The first one; it is closed first.
        closed_until: Windows that began before, in milliseconds since 1970, are closed.
    """

    def __init__(self, settings: EvaluatorSettings, task: Task) -> None:
        self._settings = settings
        self._label_task: Task = "binary" if has_bools(task) else task
        self._classes = Classes() if task == "multiclass" else None
        self._windows: dict[int, Window] = {}
        self._rows: dict[Any, int] = {}
        self._opened = 0
        self.first: Window | None = None
        self.closed_until = self._may_close = self._must_close = 0

    def __iter__(self) -> Iterator[Window]:
        return iter([self._windows[start] for start in sorted(self._windows)])

    def at(self, start: int) -> Window:
        """The window that begins then; it is opened unless it is open."""
        window = self._windows.get(start)
        if window is None:
            window = self._windows[start] = Window(start, self._classes, self._rows, self._opened)
            self._opened += 1
            self._find_first()
        return window

    def close(self, window: Window) -> None:
        """Forget the first window; events that belong there come too late from now on."""
        del self._windows[window.start]
        window.forget()
        self.closed_until = window.start + self._settings.window
        self._find_first()

    def first_is_done(self, now: int) -> bool:
        """Whether the first window may be closed: what it waits for is over."""
        if self.first is None or now < self._may_close:
            return False
        return not self.first.open or now >= self._must_close

    def due(self, batch: EvaluatedBatch, at: int) -> int:
        """The first place from `at` on after which the first window may be done.

        Until then nothing depends on the order of what belongs to different events.
        """
        due, known = len(batch), self._windows
        new = [w for w in batch.windows if w >= self.closed_until and w not in known]
        if new:  # it may become the first one
            due = batch.first_event(new, at)
        if self.first is not None:
            due = min(due, max(batch.when(self._must_close), at))
            if (may := batch.when(self._may_close)) <= due:
                due = min(due, max(may, self._last_label(self.first, batch, at)))
        return due

    def note(self, batch: EvaluatedBatch, at: int, end: int) -> None:
        """Note what was said of events, and what became known of them, between two places."""
        added = self._add(batch, batch.part(batch.events, at, end))
        self._take_labels(batch, batch.part(batch.labels, at, end), added)

    @staticmethod
    def _last_label(window: Window, batch: EvaluatedBatch, at: int) -> int:
        """The first place from `at` on at which no event of a window may be open any more."""
        if not window.open:
            return at
        places = batch.part(batch.labels, at, len(batch))
        places = places[batch.starts[places] == window.start]
        if len(places) < window.open:
            return len(batch)
        rows = window.rows(batch.ids(places))
        left = places[(rows < 0) | window.are_open(rows)]
        return int(left[window.open - 1]) if len(left) >= window.open else len(batch)

    def _add(self, batch: EvaluatedBatch, places: Ints) -> dict[int, tuple[int, Ints]]:
        """Add the new events; the first row of these in each window, and their places."""
        places = self._new(batch, places[batch.starts[places] >= self.closed_until])
        added = {}
        for start, own in batch.by_window(places):
            window = self.at(start)
            first = len(window)
            added[start] = first, own
            window.add(batch.ids(own), batch.said_of(own))
            labels = [batch.operations.labels[i] for i in own.tolist()]
            known = [j for j, label in enumerate(labels) if label is not None]
            if known:
                rows = first + np.array(known)
                window.take_labels(rows, self._checked([labels[j] for j in known]))
        return added

    def _new(self, batch: EvaluatedBatch, places: Ints) -> Ints:
        """Those whose ids are not in any window."""
        ids = batch.ids(places)
        if self._rows.keys().isdisjoint(ids) and len(set(ids)) == len(ids):
            return places
        seen, new = set[Any](), list[bool]()
        for id_ in ids:
            new.append(id_ not in self._rows and id_ not in seen)
            if id_ is not None:
                seen.add(id_)
        return places[new]

    def _take_labels(
        self, batch: EvaluatedBatch, places: Ints, added: Mapping[int, tuple[int, Ints]]
    ) -> None:
        """Note the labels of events that are there, and were there before the label."""
        for start, own in batch.by_window(places):
            window = self._windows.get(start)
            if window is None:
                continue
            rows = window.rows(batch.ids(own))
            if start in added:
                first, born = added[start]
                new = np.flatnonzero(rows >= first)
                rows[new[born[rows[new] - first] > own[new]]] = -1
            there = np.flatnonzero(rows >= 0)
            if len(there):
                window.take_labels(rows[there], self._checked(_labels(batch, own[there])))

    def _checked(self, labels: list[Any]) -> list[Any]:
        """The labels as they are evaluated; None for one that cannot be."""
        if self._label_task == "binary" and set(map(type, labels)) <= {bool, type(None)}:
            return labels
        return [self._check(label) for label in labels]

    def _check(self, label: Any) -> Any:
        try:
            return None if label is None else check_label(self._label_task, label)
        except LabelError:
            return None

    def _find_first(self) -> None:
        self.first = first = next(iter(self), None)
        if first is not None:
            length = self._settings.window
            end = first.start + length
            self._may_close = end - (-length // PARTS)
            self._must_close = max(self._may_close, end + self._settings.expire)


def _labels(batch: EvaluatedBatch, places: Ints) -> list[Any]:
    """The labels at these places; None where an event will get none any more."""
    labels, drops = batch.operations.labels, (batch.operations.kinds[places] == DROP).tolist()
    return [None if drop else labels[i] for i, drop in zip(places.tolist(), drops, strict=True)]
