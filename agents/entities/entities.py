"""Entities: what the past of a card, a terminal or a customer says about an event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from agents.entities.columns import Columns, Fields, Needed
from agents.entities.declare import EntityTable, check_tables, declared
from agents.entities.past import Past
from agents.events.reader import Failure
from agents.ops import Event, Label, Op
from agents.state import State
from learners.kernels import Floats


class Entities:
    """The features of the [[entities]] tables of one stage.

    A plain function of the operations in their order and of the state: where batches end, and
    whether the state was restored in between, changes nothing.

    Args:
        tables: Those of this stage, each with its number in the pipeline file.
        state: What was restored; `save` puts the changes into it.

    Raises EntityError for tables that cannot be, PastMismatch for a state of other settings.

    >>> from agents.ops import Event
    >>> from topics.records import Source
    >>> def event(time, amount):
    ...     fields = {"card": 7, "amount": amount}
    ...     return Event(None, time, fields, None, None, Source("t", 0, 0), None)
    >>> table = EntityTable(0, "card", features=("count", "mean(amount)"), windows=(3600,))
    >>> entities, events = Entities([table], State()), [event(0, 10.0), event(60_000, 20.0)]
    >>> entities.apply(events)
    []
    >>> events[1].fields
    {'card': 7, 'amount': 20.0, 'card_count_1h': 2.0, 'card_mean_amount_1h': 15.0}
    """

    def __init__(self, tables: Sequence[EntityTable], state: State) -> None:
        check_tables(tables)
        checked = [declared(table) for table in tables]
        hearing = [table for table in checked if table.table.source == "labels"]
        self._of_events, self._of_labels = Needed(checked), Needed(hearing, heard=True)
        self._label_names = [table.table.label for table in hearing]
        self._pasts = [Past(table, state) for table in checked]
        self.names: tuple[str, ...] = tuple(name for table in checked for name in table.names)

    def apply(self, ops: Sequence[Op]) -> list[Failure]:
        """Bring the pasts up to date and add the features to the fields of the events.

        An event that lacks what a table needs is a failure: no past knows of it, and it gets no
        features. So is a label whose event was one, or that is no number where one is needed.
        """
        batch = Columns(ops)
        failures = self._failures(batch)
        failed = {failure.index for failure in failures}
        good = [i for i, op in enumerate(ops) if isinstance(op, Event) and i not in failed]
        if ops and self._pasts:
            told = heard = batch.of(good)
            if self._label_names:
                labels = [i for i in batch.labels if _is_heard(ops[i]) and i not in failed]
                heard = batch.of(sorted([*good, *labels]))
            made = [past.apply(batch, heard if past.of_labels else told) for past in self._pasts]
            self._add(told.ops, np.hstack(made))
        return failures

    def _add(self, events: Sequence[Op], features: Floats) -> None:
        names = self.names
        for event, row in zip(events, features.tolist(), strict=True):
            fields = event.fields
            for name, value in zip(names, row, strict=False):  # strict costs a third more
                fields[name] = value

    def save(self) -> None:
        """Put what changed since the last call into the state; once for each commit."""
        for past in self._pasts:
            past.store.save()

    def _failures(self, batch: Columns) -> list[Failure]:
        events = [(i, op.fields) for i, op in enumerate(batch.ops) if isinstance(op, Event)]
        errors = dict(_errors(self._of_events, events))
        if self._label_names:
            errors.update(_errors(self._of_labels, list(self._said(batch))))
        return [Failure(i, "features", errors[i]) for i in sorted(errors)]

    def _said(self, batch: Columns) -> Iterator[tuple[int, Fields]]:
        """The fields of the labels' events, each label among them, and the one before too."""
        for i in batch.labels:
            op = batch.ops[i]
            if isinstance(op, Label) and op.kind != "drop":
                yield i, {**op.fields, **dict.fromkeys(self._label_names, op.label)}
                if op.kind == "correct":
                    yield i, {**op.fields, **dict.fromkeys(self._label_names, op.before)}


def _is_heard(op: Op) -> bool:
    return isinstance(op, Label) and op.kind != "drop"


def _errors(needed: Needed, said: Sequence[tuple[int, Fields]]) -> Iterator[tuple[int, Exception]]:
    if not said or needed.all_good([fields for _, fields in said]):
        return
    for i, fields in said:
        error = needed.error(fields)
        if error is not None:
            yield i, error
