"""Entities: what the past of a card, a terminal or a customer says about an event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from agents.entities.columns import Columns, Needed, known_labels, label_errors, latest
from agents.entities.declare import EntityTable, check_tables, declared
from agents.entities.past import Past
from agents.errors import InvalidEvent
from agents.operations import Operations
from agents.rejected import Rejected
from agents.state import State
from agents.tables import table as tables


class Entities:
    """The features of the [[entities]] tables of one stage.

    A plain function of the operations in their order and of the state: where batches end, and
    whether the state was restored in between, changes nothing.

    Args:
        tables: Those of this stage, each with its number in the pipeline file.
        state: What was restored; `save` puts the changes into it.

    Raises EntityError for tables that cannot be, PastMismatch for a state of other settings.

    >>> from agents.operations import ParsedEvent
    >>> def event(time, amount):
    ...     return ParsedEvent(None, time, {"card": 7, "amount": amount}, None).row()
    >>> table = EntityTable(0, "card", features=("count", "mean(amount)"), windows=(3600,))
    >>> batch = Operations.of([event(0, 10.0), event(60_000, 20.0)], [None, None], [0, 1])
    >>> batch, rejected = Entities([table], State()).apply(batch)
    >>> batch.fields(1)
    {'card': 7, 'amount': 20.0, 'card_count_1h': 2.0, 'card_mean_amount_1h': 15.0}
    """

    def __init__(self, tables: Sequence[EntityTable], state: State) -> None:
        check_tables(tables)
        checked = [declared(table) for table in tables]
        waiting = [table for table in checked if table.waits]
        self._of_events, self._of_labels = Needed(checked), Needed(waiting, with_labels=True)
        self._label_names = [table.table.label for table in waiting]
        self._summed_labels = [
            t.table for t in checked if t.reads_labels and t.table.label in t.numbers
        ]
        self._pasts = [Past(table, state) for table in checked]
        self.names: tuple[str, ...] = tuple(name for table in checked for name in table.names)

    def apply(self, operations: Operations) -> tuple[Operations, list[Rejected]]:
        """Bring the pasts up to date and add the features to the events; see `errors`."""
        if not self._pasts or not len(operations):
            return operations, []
        errors = self.errors(operations)
        times = np.maximum.accumulate(latest(operations))
        good, rejected = operations.set_aside(errors, "features")
        now = np.delete(times, list(errors))
        events = good.events
        asked = shown = Columns(good, events)
        if self._label_names:
            shown = Columns(good, np.union1d(events, known_labels(good)))
        made = [
            past.apply(now, int(times[-1]), shown if past.of_labels else asked)
            for past in self._pasts
        ]
        for name, values in zip(self.names, np.hstack(made).T, strict=True):
            good.add(name, events, values)
        return good, rejected

    def warm_up(self) -> None:
        """Compile what brings pasts up to date."""
        if self._pasts:
            tables.warm_up()
        for past in self._pasts:
            past.warm_up()

    def save(self) -> None:
        """Put what changed since the last call into the state; once for each commit."""
        for past in self._pasts:
            past.store.save()

    def errors(self, operations: Operations) -> dict[int, InvalidEvent]:
        """Why events and labels cannot be used, by their places: no past knows of them.

        A field that a table needs is missing or wrong. Or it is a label whose event was such a
        one, or that is no number where one is needed.
        """
        events = operations.events
        errors = {}
        if not self._of_events.all_good(lambda name: operations.column(name, events)):
            found = ((i, self._of_events.error(operations.fields(i))) for i in events.tolist())
            errors = {i: error for i, error in found if error is not None}
        for table in self._summed_labels[:1]:  # all tables have the same label
            labels = Columns(operations, events).labels_of(table)
            wrong = label_errors(table.label, labels)
            errors = {int(events[i]): error for i, error in wrong.items()} | errors
        if self._label_names:
            errors |= self._label_errors(Columns(operations, known_labels(operations)), operations)
        return dict(sorted(errors.items()))

    def _label_errors(self, labels: Columns, operations: Operations) -> dict[int, InvalidEvent]:
        """Of the labels' events, each label among their fields, and the one before too."""
        errors: dict[int, InvalidEvent] = {}
        for said in (labels.label(), labels.label(before=True)):

            def of(name: str, said: list[Any] = said) -> list[Any]:
                return said if name in self._label_names else labels.named(name)

            if self._of_labels.all_good(of):
                continue
            for i, label in zip(labels.rows.tolist(), said, strict=True):
                fields = {**operations.fields(i), **dict.fromkeys(self._label_names, label)}
                if (error := self._of_labels.error(fields)) is not None:
                    errors[i] = error
        return errors
