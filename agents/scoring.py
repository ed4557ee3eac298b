"""The exit of the last stage: events are scored, labels are learned, and all is judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from agents.decisions.reasons import top
from agents.entry import Letter
from agents.errors import FunctionFailed, LearnRefused, Refusal
from agents.events.functions import Enrich
from agents.events.reader import EventReader
from agents.judging.watching import Watcher
from agents.keys import key_of
from agents.labels.waiting import Row, WaitingRows, join, split
from agents.ops import Event, Op
from agents.outputs import Outputs, Refused
from agents.publishing import Publisher, Said
from learners.model import UNLABELLED, LearnFailed, Model, Scored
from topics.records import Record


class Step(msgspec.Struct, gc=False):
    """One row for the model: an event to be scored, or a label to be learned.

    Attributes:
        op: What it is for.
        origin: The record that it happens by.
        row: The features.
        label: To be learned after the scoring, or ``UNLABELLED``.
    """

    op: Op
    origin: Record
    row: Row
    label: Any = UNLABELLED


class Scoring:
    """Scores events, and learns each when its label is known.

    Args:
        model: The model of this partition; it is changed in place.
        reader: From fields to features.
        enrich: Adds the features of the user's functions.
        rows: Keeps what was scored until its label comes; None where labels come with events.
        publisher: Makes records of what was said.
        watcher: Judges the model and its rivals.
        reasons: How many features a prediction names as its reasons.
    """

    def __init__(
        self,
        model: Model,
        reader: EventReader,
        enrich: Enrich,
        rows: WaitingRows | None,
        publisher: Publisher,
        watcher: Watcher | None,
        *,
        reasons: int = 0,
    ) -> None:
        self.model = model
        self._reader = reader
        self._enrich = enrich
        self._rows = rows
        self._names = reader.matrix_names
        self._publisher = publisher
        self._watcher = watcher
        self._reasons = reasons

    def save(self) -> None:
        """Put what has changed into the state, the model apart."""
        self._publisher.save()
        if self._watcher is not None:
            self._watcher.save()

    def score(
        self,
        ops: Sequence[Op],
        origins: Sequence[Record],
        letters: list[Letter],
        refused: Refused = MappingProxyType({}),
    ) -> Outputs:
        """Score and learn, one after another.

        Args:
            ops: What happens, in order.
            origins: The record that each happens by.
            letters: What is set aside is added.
            refused: What could not be learned before; it is set aside.

        Raises:
            LearnRefused: when the learner fails while it learns. The model is void then.
        """
        before, outputs = self.model.learned, Outputs()
        kept, by = _without(refused, ops, origins, letters)
        features = self._features(kept, letters)
        steps = list(self._steps(kept, by, features))
        said: list[Said] = []
        for part in self._parts(steps):
            said += self._run([steps[i] for i in part], letters)
        self._publisher.publish(said, outputs)
        if self._watcher is not None:
            outputs.others += self._watcher.watch(ops, said)
        outputs.learned = self.model.learned - before
        return outputs

    def _features(self, ops: Sequence[Op], letters: list[Letter]) -> dict[int, tuple[Row, Any]]:
        """Row and label of each event that can be scored, by its place among ``ops``."""
        places, fields = [], []
        for i, op in enumerate(ops):
            if isinstance(op, Event):
                try:
                    self._enrich(op.fields)
                except FunctionFailed as error:
                    letters.append((op.record, "features", error))
                    continue
                places.append(i)
                fields.append(op.fields)
        if not places:
            return {}
        events, failures = self._reader.read_fields(fields)
        letters += [(ops[places[f.index]].record, f.stage, f.error) for f in failures]
        rows = split(events.rows, self._names, [fields[i] for i in events.index])
        return {
            places[at]: (row, label)
            for at, row, label in zip(events.index, rows, events.labels, strict=True)
        }

    def _steps(
        self,
        ops: Sequence[Op],
        origins: Sequence[Record],
        features: dict[int, tuple[Row, Any]],
    ) -> Iterator[Step]:
        for i, (op, origin) in enumerate(zip(ops, origins, strict=True)):
            if isinstance(op, Event):
                if i in features:
                    row, label = features[i]
                    if self._rows is not None:
                        self._rows.put(op.id, row)
                    elif label is not UNLABELLED:
                        op.label = label
                    yield Step(op, origin, row, label)
            elif self._rows is not None and (row_ := self._rows.get(op.id)) is not None:
                if op.kind == "drop":
                    self._rows.delete(op.id)
                else:
                    yield from [Step(op, origin, row_, op.label)] * op.weight

    def _parts(self, steps: Sequence[Step]) -> Iterable[range]:
        if self._watcher is None:
            return [range(len(steps))]
        return self._watcher.parts([step.op for step in steps], self.model)

    def _run(self, steps: Sequence[Step], letters: list[Letter]) -> list[Said]:
        if not steps:
            return []
        version = self.model.learned
        rows = join([step.row for step in steps], self._names)
        try:
            scored = self.model.run(rows, [s.label for s in steps], explain=self._reasons > 0)
        except LearnFailed as error:
            step = steps[error.index]
            raise LearnRefused(_refusal(step.op, step.origin), error.cause) from error
        for i, failure in scored.failures.items():
            self._set_aside(steps[i], failure, letters)
        said, shown = [], []
        for i, step in enumerate(steps):
            if i in scored.failures:
                continue
            if isinstance(step.op, Event):
                said.append(self._said(step.op, scored, i, version))
                shown.append(step.row)
            version += step.label is not UNLABELLED
        if self._watcher is not None:
            rivals = self._watcher.rivals([s.event for s in said], join(shown, self._names))
            for one, others in zip(said, rivals, strict=True):
                one.rivals = others
        return said

    def _said(self, event: Event, scored: Scored, i: int, version: int) -> Said:
        why = scored.contributions and scored.contributions[i]
        reasons = top(why.names, why.values, self._reasons) if why else None
        return Said(event, scored.predictions[i], scored.scores[i], version, reasons)

    def _set_aside(self, step: Step, error: Exception, letters: list[Letter]) -> None:
        letters.append((step.op.record, "predict", error))
        if self._rows is not None and isinstance(step.op, Event):
            self._rows.delete(step.op.id)


def _without(
    refused: Refused, ops: Sequence[Op], origins: Sequence[Record], letters: list[Letter]
) -> tuple[Sequence[Op], Sequence[Record]]:
    """What was not refused; the rest is added to ``letters``."""
    if not refused:
        return ops, origins
    kept: list[Op] = []
    by: list[Record] = []
    for op, origin in zip(ops, origins, strict=True):
        error = refused.get(_refusal(op, origin))
        if error is None:
            kept.append(op)
            by.append(origin)
        else:
            letters.append((op.record, "learn", error))
    return kept, by


def _refusal(op: Op, origin: Record) -> Refusal:
    """What names ``op`` when all is done again: then the same record may bring other labels."""
    label = "" if isinstance(op, Event) else key_of(f"{op.kind} ", op.id)
    return Refusal.of(origin, label)
