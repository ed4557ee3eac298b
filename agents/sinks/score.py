"""The sink of the last stage: events are scored, labels are learned, and all is evaluated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from agents.decisions.reasons import top
from agents.errors import LearnRefused, Refusal
from agents.evaluation.watching import Watcher
from agents.events.features import FeatureReader
from agents.events.functions import Functions
from agents.events.read import Read
from agents.keys import key_of
from agents.labels.waiting import WaitingRows, join, split
from agents.operations import EVENT, KINDS, Operations
from agents.outputs import Outputs, Refused
from agents.rejected import Rejected
from agents.shared.rows import ForwardedRows, Origin, RowBlock
from agents.shared.scores import ForwardedScores
from agents.shared.versions import Versions
from agents.sinks.history import HistoryWriter, Learned
from agents.sinks.publish import Publisher
from agents.sinks.scored import ScoredBatch
from learners.engine.kernels import Ints
from learners.engine.rows import Rows
from learners.model import UNLABELLED, LearnFailed, Model, Scored
from topics.records import Source


class Steps(NamedTuple):
    """Rows for the model, one after another: events to be scored, labels to be learned.

    Attributes:
        at: The operation that each is for, by its place.
        rows: The features.
        labels: To be learned after the scoring, or ``UNLABELLED``.
        times: How often each label is learned.
    """

    at: Ints
    rows: Rows | list[dict[str, Any]]
    labels: list[Any]
    times: list[int] | None = None

    def part(self, places: slice) -> Steps:
        """Some of them."""
        rows, times = self.rows, self.times
        part = Rows(rows.names, rows.matrix[places]) if isinstance(rows, Rows) else rows[places]
        often = None if times is None else times[places]
        return Steps(self.at[places], part, self.labels[places], often)


OnScored = Callable[[Learned, ScoredBatch], None]
"""Is given what the model was given of a batch, and what it said."""


class Score:
    """Scores events, and learns each when its label is known.

    Args:
        model: The model of this partition; it is changed in place.
        features: From fields to features.
        functions: Adds the features of the user's functions.
        rows: Keeps what was scored until its label comes; None where labels come with events.
        publisher: Makes records of the scores; None where another stage decides.
        watcher: Evaluates the model and its baselines.
        reasons: How many features a prediction names as its reasons.
        shared: The topic of labelled rows and the versions of the model, where another stage
            learns for all partitions: then nothing is learned here.
        forwards: The topic of the stage that decides or evaluates for all partitions, and the
            fields that it needs, or None for all fields; None where there is no such stage.
        history: Makes records of the labels that have come; None where nobody wants them.

    Attributes:
        on_scored: Looks at what was scored; None where nobody does.
    """

    def __init__(
        self,
        model: Model,
        features: FeatureReader,
        functions: Functions,
        rows: WaitingRows | None,
        publisher: Publisher | None,
        watcher: Watcher | None,
        *,
        reasons: int = 0,
        shared: tuple[str, Versions] | None = None,
        forwards: tuple[str, tuple[str, ...] | None] | None = None,
        history: HistoryWriter | None = None,
    ) -> None:
        self._model = model
        self._shared = shared
        self._forwards = forwards
        self._history = history
        self.on_scored: OnScored | None = None
        self._features = features
        self._functions = functions
        self._rows = rows
        self._publisher = publisher
        self._watcher = watcher
        self._reasons = reasons

    @property
    def model(self) -> Model | None:
        """What learns here, if anything does."""
        return None if self._shared else self._model

    def save(self) -> None:
        """Put what has changed into the state, the model apart."""
        if self._publisher is not None:
            self._publisher.save()
        if self._watcher is not None:
            self._watcher.save()

    def warm_up(self) -> None:
        """Compile what finds waiting rows and what encodes predictions."""
        if self._rows is not None:
            self._rows.warm_up()
        if self._publisher is not None:
            self._publisher.warm_up()

    def admit(self, operations: Operations) -> tuple[Operations, list[Rejected]]:
        """All of it."""
        return operations, []

    def process(self, operations: Operations, refused: Refused) -> tuple[Outputs, list[Rejected]]:
        """Score and learn, one after another; see ``Agent.process``."""
        if self._shared is not None:
            self._model = self._shared[1].model
        before = self._model.learned
        kept, rejected = _without(refused, operations)
        events = kept[operations.kinds[kept] == EVENT]
        events, failed = self._functions.apply(operations, events)
        read, unread = self._features.read(operations, events)
        rejected += failed + unread
        steps, outputs = self._steps(operations, kept, read), Outputs()
        learned = Learned(*steps)
        if self._shared is not None:
            steps, block = _divided(steps, operations, self._features.names)
            outputs.rows = ForwardedRows(self._shared[0], block)
        scored = ScoredBatch(operations)
        if self._watcher is not None:
            scored.baselines = {name: [] for name in self._watcher.baselines}
        for part in self._parts(operations, steps):
            rejected += self._run(steps.part(part), scored)
        if self._watcher is not None:
            self._watcher.ask_rule(scored)
        if self._publisher is not None:
            self._publisher.publish(scored, outputs)
        if self._watcher is not None:
            outputs.others += self._watcher.watch(scored)
        if self._forwards is not None:
            with_labels = self._watcher is not None
            outputs.scores = ForwardedScores.of(*self._forwards, scored, with_labels=with_labels)
        if self._history is not None:
            outputs.others += self._history.records(kept, learned, scored)
        if self.on_scored is not None:
            self.on_scored(learned, scored)
        outputs.learned = self._model.learned - before
        return outputs, rejected

    def _steps(self, operations: Operations, kept: Ints, read: Read) -> Steps:
        if self._rows is not None:
            return Steps(*self._rows.join(operations, kept, read))
        if self._watcher is not None:
            for i, label in zip(read.at.tolist(), read.labels, strict=True):
                if label is not UNLABELLED:
                    operations.labels[i] = label
        return Steps(*read)

    def _parts(self, operations: Operations, steps: Steps) -> Iterable[slice]:
        if self._watcher is None:
            return [slice(None)]
        kinds, times = operations.kinds[steps.at], operations.times[steps.at]
        return self._watcher.parts(kinds == EVENT, times, self._model)

    def _run(self, steps: Steps, scored: ScoredBatch) -> list[Rejected]:
        """Let the model score and learn; what is rejected it could not score."""
        if not len(steps.at):
            return []
        operations, version = scored.operations, self._model.learned
        try:
            explain = self._reasons > 0
            found = self._model.run(steps.rows, steps.labels, explain=explain, times=steps.times)
        except LearnFailed as error:
            refusal = _refusal(operations, int(steps.at[error.index]))
            raise LearnRefused(refusal, error.cause) from error
        at, failures = steps.at, found.failures
        rejected = [operations.reject(int(at[i]), "predict", e) for i, e in failures.items()]
        shown = _shown(operations, steps, found)
        self._note(steps, found, _versions(steps.labels, found, version), shown, scored)
        if self._watcher is not None and len(shown):
            self._watcher.ask_frozen(_some(steps.rows, shown), scored)
        return rejected

    def _note(
        self, steps: Steps, found: Scored, versions: Sequence[int], shown: Ints, scored: ScoredBatch
    ) -> None:
        """Note the events that were scored."""

        def of(column: Sequence[Any]) -> Sequence[Any]:
            if len(shown) == len(column):
                return column
            return [column[i] for i in shown.tolist()]

        scored.at = np.concatenate([scored.at, steps.at[shown]])
        scored.predictions += of(found.predictions)
        scored.scores += of(found.scores)
        scored.versions += of(versions)
        scored.shares += self._shares(of(versions))
        if found.contributions is not None:
            scored.reasons += top(of(found.contributions), self._reasons)

    def _shares(self, versions: Sequence[int]) -> list[tuple[int, ...]]:
        """What each of several learners had learned before each event; of one, nothing."""
        model, learners = self._model, self._model.spec.learners
        if learners == 1:
            return []
        if model.shares is not None:
            return [model.shares] * len(versions)
        return [(version,) * learners for version in versions]  # one model learns for all


def _shown(operations: Operations, steps: Steps, found: Scored) -> Ints:
    """Which steps are events that were scored."""
    are_events = operations.kinds[steps.at] == EVENT
    are_events[list(found.failures)] = False
    return np.flatnonzero(are_events)


def _versions(labels: Sequence[Any], found: Scored, first: int) -> Sequence[int]:
    """How many events were learned before each step; ``first`` before the first one."""
    unlabelled = labels.count(UNLABELLED)
    if unlabelled == len(labels):
        return [first] * len(labels)
    if not unlabelled and not found.failures:
        return range(first, first + len(labels))
    learned = np.array([label is not UNLABELLED for label in labels])
    learned[list(found.failures)] = False
    before: list[int] = (first + np.cumsum(learned) - learned).tolist()
    return before


def _some(rows: Rows | list[dict[str, Any]], which: Ints) -> Rows | list[dict[str, Any]]:
    if isinstance(rows, Rows):
        return rows.take(which)
    return [rows[i] for i in which.tolist()]


def _divided(
    steps: Steps, operations: Operations, names: tuple[str, ...] | None
) -> tuple[Steps, RowBlock]:
    """The events, to be scored; and the rows whose labels are known, for the learner."""
    places, block = steps.at.tolist(), RowBlock(names)
    rows = split(steps.rows, names, lambda: [operations.fields(i) for i in places])
    times = steps.times or [1] * len(places)
    for at, row, label, often in zip(places, rows, steps.labels, times, strict=True):
        if label is not UNLABELLED:
            record = operations.records[at]
            time = int(operations.times[at])
            origin = Origin(operations.ids[at], record.key(), Source.of(record), time)
            block.add(row, label, origin, int(operations.places[at]), often)
    scored = np.flatnonzero(operations.kinds[steps.at] == EVENT)
    chosen = [rows[i] for i in scored.tolist()]
    events = Steps(steps.at[scored], join(chosen, names), [UNLABELLED] * len(chosen))
    return events, block


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
    """What names an operation when all is done again: then a record may bring other labels.

    A record between two stages brings many, so it is that of the event or label itself; only a
    label that no record brought is named by what it happens by.
    """
    kind = int(operations.kinds[i])
    label = "" if kind == EVENT else key_of(f"{KINDS[kind - 1]} ", operations.ids[i])
    record = operations.records[i]
    return Refusal.of(record if record.topic() else operations.causes[i], label)
