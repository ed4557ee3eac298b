"""Evaluates the predictions of one partition: prequential, and when their labels come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgpack
import numpy as np

from agents import state_keys
from agents.evaluation.cuts import EvaluatedBatch
from agents.evaluation.detected import PREFIX as CAUGHT
from agents.evaluation.detected import Detected
from agents.evaluation.figures import (
    ALERTS,
    FROZEN,
    MODEL,
    RIVALS,
    RULE,
    evaluate_alerts,
    evaluate_scores,
    has_bools,
)
from agents.evaluation.naive import evaluate_naive
from agents.evaluation.open_windows import OpenWindows
from agents.evaluation.settings import PARTS, EvaluatorSettings
from agents.evaluation.window import ScoredEvent, Window
from agents.sinks.scored import ScoredBatch
from agents.state import State
from agents.views import Section
from learners.base import Task
from topics.metrics import WindowMetrics

PREFIX = state_keys.EVALUATION
_CLOCK = state_keys.EVALUATION_CLOCK


class Evaluator:
    """Windows of event time, each closed once all labels of its events are known.

    An event counts to the window that its time lies in. What was said of it stays, its label is
    noted when it comes. A window is closed, in order, when the stream has passed it by a tenth
    of its length, and each event in it has its label or will get none; at the latest `expire`
    after its end. An event of a closed window does not count; a label, or a correction, that comes
    after the closing changes nothing. Neither does an event with the id of one in an open window.

    The state has an entry for every 64 events of open windows: 42 bytes an event with all three
    baselines, its id, and its entity. An entry for each window keeps who was detected in it.

    Args:
        settings: What is counted.
        state: Of the partition; this part's keys begin with "judge/".
        task: Of the learner. Anomalies are evaluated as two classes are.
    """

    def __init__(self, settings: EvaluatorSettings, state: State, task: Task) -> None:
        self._settings = settings
        self._task = task
        self._windows = OpenWindows(settings, task)
        self._section = Section(state, PREFIX)
        self._detected = Detected(self._section)
        self._now = 0
        self._begin_part(0)
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
        windows, records, at = self._windows, list[WindowMetrics](), 0
        batch = self._batch(scored, said)
        while at < len(batch):
            due = min(windows.due(batch, at), batch.when(self._next_part))
            end = min(due + 1, len(batch))
            windows.note(batch, at, end)
            self._now, at = int(batch.clock[end - 1]), end
            records += self._passed()
        return records

    def save(self) -> None:
        """Put what changed into the state; called once before each commit."""
        for window in self._windows:
            for number, chunk in window.changes().items():
                self._section.put(f"{PREFIX}{window.start}/{number}", chunk)
        labelled = {window.start: (window.labelled, window.shown) for window in self._windows}
        clock = msgpack.packb((self._now, self._windows.closed_until, self._part, labelled))
        if clock != self._section.get(_CLOCK):
            self._section.put(_CLOCK, clock)

    def _batch(self, scored: ScoredBatch, said: Mapping[str, Sequence[Any]]) -> EvaluatedBatch:
        at, settings = np.array(scored.at, np.int64), self._settings

        def column(name: str | None) -> Sequence[Any]:
            if name is None:
                return [None] * len(at)
            found = scored.operations.column(name, at)
            return found if isinstance(found, list) else found.tolist()

        decisions = scored.decisions or [None] * len(at)
        events = ScoredEvent(column(settings.entity), column(settings.amount), decisions, said)
        return EvaluatedBatch.of(scored.operations, at, events, settings.window, self._now)

    def _passed(self) -> list[WindowMetrics]:
        """Close what the stream's time has passed, and evaluate the others now and then."""
        records = []
        windows = self._windows
        while windows.first is not None and windows.first_is_done(self._now):
            records.append(self._close(windows.first))
        if self._now >= self._next_part:
            self._begin_part(self._now * PARTS // self._settings.window)
            records += [self._interim(w) for w in windows if w.labelled > w.shown]
        return records

    def _begin_part(self, part: int) -> None:
        self._part = part
        self._next_part = -(-(part + 1) * self._settings.window // PARTS)

    def _close(self, window: Window) -> WindowMetrics:
        self._detected.forget(window.start - self._settings.remember)
        record, detected = self._evaluate(window, final=True)
        self._detected.close(window.start, detected)
        for number in range(window.chunks()):
            self._section.delete(f"{PREFIX}{window.start}/{number}")
        self._windows.close(window)
        return record

    def _interim(self, window: Window) -> WindowMetrics:
        window.shown = window.labelled
        return self._evaluate(window, final=False)[0]

    def _evaluate(
        self, window: Window, *, final: bool
    ) -> tuple[WindowMetrics, dict[str, list[Any]]]:
        settings, task = self._settings, self._task
        known = window.known(settings.entity is not None, settings.amount is not None)
        metrics, detected, places = {}, {}, settings.places(window.start)
        for scorer in RIVALS:
            metrics[scorer], detected[scorer] = evaluate_scores(
                task, known, scorer, places, settings.fee, self._detected.by(scorer)
            )
        decided = None
        if window.decided and has_bools(task):
            before = self._detected.by(ALERTS)
            decided, detected[ALERTS] = evaluate_alerts(known, settings.fee, before)
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
            **evaluate_naive(task, known),
        ), detected

    def _restore(self) -> None:
        clock = self._section.get(_CLOCK)
        if clock is None:
            return
        self._now, self._windows.closed_until, part, labelled = msgpack.unpackb(
            clock, strict_map_key=False
        )
        self._begin_part(part)
        chunks = {}
        for key in sorted(self._section.keys):
            value = self._section.get(key) or b""
            if key.startswith(CAUGHT):
                self._detected.restore(key, value)
            elif key != _CLOCK:
                start, number = key.removeprefix(PREFIX).split("/")
                chunks[int(start), int(number)] = value
        for (window, _), chunk in sorted(chunks.items()):
            self._windows.at(window).restore(chunk)
        for window, (said, shown) in labelled.items():
            again = self._windows.at(window)
            again.labelled, again.shown = said, shown
