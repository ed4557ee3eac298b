"""The sink of the last stage: events are scored, labels are learned, and all is evaluated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agents.decisions.reasons import top
from agents.errors import LearnRefused, Refusal
from agents.evaluation.watching import Watcher
from agents.events.features import FeatureReader, Read
from agents.events.functions import Functions
from agents.keys import key_of
from agents.labels.waiting import Row, WaitingRows, join, split
from agents.operations import DROP, EVENT, KINDS, Operations
from agents.outputs import Outputs, Refused
from agents.publishing import Publisher
from agents.rejected import Rejected
from agents.scored import ScoredBatch
from learners.engine.kernels import Ints
from learners.model import UNLABELLED, LearnFailed, Model, Scored


@dataclass(slots=True)
class Steps:
    """Rows for the model, one after another: events to be scored, labels to be learned.

    Attributes:
        at: The operation that each is for, by its place.
        rows: The features.
        labels: To be learned after the scoring, or ``UNLABELLED``.
        times: How often each label is learned.
    """

    at: list[int] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    labels: list[Any] = field(default_factory=list)
    times: list[int] = field(default_factory=list)

    def add(self, at: int, row: Row, label: Any, times: int = 1) -> None:
        """One more."""
        self.at.append(at)
        self.rows.append(row)
        self.labels.append(label)
        self.times.append(times)

    def part(self, places: slice) -> Steps:
        """Some of them."""
        return Steps(self.at[places], self.rows[places], self.labels[places], self.times[places])


class Scoring:
    """Scores events, and learns each when its label is known.

    Args:
        model: The model of this partition; it is changed in place.
        features: From fields to features.
        functions: Adds the features of the user's functions.
        rows: Keeps what was scored until its label comes; None where labels come with events.
        publisher: Makes records of the scores.
        watcher: Evaluates the model and its baselines.
        reasons: How many features a prediction names as its reasons.
    """

    def __init__(
        self,
        model: Model,
        features: FeatureReader,
        functions: Functions,
        rows: WaitingRows | None,
        publisher: Publisher,
        watcher: Watcher | None,
        *,
        reasons: int = 0,
    ) -> None:
        self.model = model
        self._features = features
        self._functions = functions
        self._rows = rows
        self._publisher = publisher
        self._watcher = watcher
        self._reasons = reasons

    def save(self) -> None:
        """Put what has changed into the state, the model apart."""
        self._publisher.save()
        if self._watcher is not None:
            self._watcher.save()

    def admit(self, operations: Operations) -> tuple[Operations, list[Rejected]]:
        """All of it."""
        return operations, []

    def process(self, operations: Operations, refused: Refused) -> tuple[Outputs, list[Rejected]]:
        """Score and learn, one after another; see ``Agent.process``."""
        before = self.model.learned
        kept, rejected = _without(refused, operations)
        events = kept[operations.kinds[kept] == EVENT]
        events, failed = self._functions.apply(operations, events)
        read, unread = self._features.read(operations, events)
        rejected += failed + unread
        steps = self._steps(operations, kept, read)
        scored = ScoredBatch(operations)
        if self._watcher is not None:
            scored.baselines = {name: [] for name in self._watcher.baselines}
        for part in self._parts(operations, steps):
            rejected += self._run(steps.part(part), scored)
        if self._watcher is not None:
            self._watcher.ask_rule(scored)
        outputs = Outputs()
        self._publisher.publish(scored, outputs)
        if self._watcher is not None:
            outputs.others += self._watcher.watch(scored)
        outputs.learned = self.model.learned - before
        return outputs, rejected

    def _steps(self, operations: Operations, kept: Ints, read: Read) -> Steps:
        steps, waiting = Steps(), self._rows
        names, kinds = self._features.names, operations.kinds.tolist()
        ids, labels, weights = operations.ids, operations.labels, operations.weights
        at = read.at.tolist()
        rows = split(read.rows, names, lambda: [operations.fields(i) for i in at])
        features = dict(zip(at, zip(rows, read.labels, strict=True), strict=True))
        for i in kept.tolist():
            if kinds[i] == EVENT:
                if i not in features:
                    continue
                row, label = features[i]
                if waiting is not None:
                    waiting.put(ids[i], row)
                elif label is not UNLABELLED:
                    labels[i] = label
                steps.add(i, row, label)
            elif waiting is not None and (known := waiting.get(ids[i])) is not None:
                if kinds[i] == DROP:
                    waiting.delete(ids[i])
                elif weights[i]:
                    steps.add(i, known, labels[i], weights[i])
        return steps

    def _parts(self, operations: Operations, steps: Steps) -> Iterable[slice]:
        if self._watcher is None:
            return [slice(None)]
        at = np.array(steps.at, np.int64)
        return self._watcher.parts(operations.kinds[at] == EVENT, operations.times[at], self.model)

    def _run(self, steps: Steps, scored: ScoredBatch) -> list[Rejected]:
        """Let the model score and learn; what is rejected it could not score."""
        if not steps.at:
            return []
        operations, version = scored.operations, self.model.learned
        rows = join(steps.rows, self._features.names)
        try:
            found = self.model.run(rows, steps.labels, explain=self._reasons > 0, times=steps.times)
        except LearnFailed as error:
            refusal = _refusal(operations, steps.at[error.index])
            raise LearnRefused(refusal, error.cause) from error
        rejected = [self._reject(operations, steps.at[i], e) for i, e in found.failures.items()]
        shown = self._note(steps, found, scored, version)
        if self._watcher is not None and shown:
            events = join([steps.rows[i] for i in shown], self._features.names)
            self._watcher.ask_frozen(events, scored)
        return rejected

    def _note(
        self, steps: Steps, found: Scored, scored: ScoredBatch, version: int
    ) -> Sequence[int]:
        """Note the events that were scored; their places among the steps."""
        kinds, shown = scored.operations.kinds[steps.at].tolist(), []
        for i, (kind, label) in enumerate(zip(kinds, steps.labels, strict=True)):
            if i in found.failures:
                continue
            if kind == EVENT:
                shown.append(i)
                scored.versions.append(version)
            version += label is not UNLABELLED
        scored.at += [steps.at[i] for i in shown]
        scored.predictions += [found.predictions[i] for i in shown]
        scored.scores += [found.scores[i] for i in shown]
        if found.contributions is not None:
            scored.reasons += top([found.contributions[i] for i in shown], self._reasons)
        return shown

    def _reject(self, operations: Operations, i: int, error: Exception) -> Rejected:
        if self._rows is not None and operations.kinds[i] == EVENT:
            self._rows.delete(operations.ids[i])
        return operations.reject(i, "predict", error)


def _without(refused: Refused, operations: Operations) -> tuple[Ints, list[Rejected]]:
    """Where what was not refused stands; and the rest."""
    everything = np.arange(len(operations))
    if not refused:
        return everything, []
    errors = {
        i: error
        for i in range(len(operations))
        if (error := refused.get(_refusal(operations, i))) is not None
    }
    rejected = [operations.reject(i, "learn", error) for i, error in errors.items()]
    return np.delete(everything, list(errors)), rejected


def _refusal(operations: Operations, i: int) -> Refusal:
    """What names an operation when all is done again: then a record may bring other labels."""
    kind = int(operations.kinds[i])
    label = "" if kind == EVENT else key_of(f"{KINDS[kind - 1]} ", operations.ids[i])
    return Refusal.of(operations.causes[i], label)
