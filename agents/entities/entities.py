"""Entities: what the past of a card, a terminal or a customer says about an event."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.entities.columns import Needed
from agents.entities.declare import EntityTable, check_tables, declared
from agents.entities.past import Past
from agents.events import Failure
from agents.ops import Event, Label, Op
from agents.state import State


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
        self._needed = Needed(checked)
        self._pasts = [Past(table, state) for table in checked]
        self.names: tuple[str, ...] = tuple(name for table in checked for name in table.names)

    def apply(self, ops: Sequence[Op]) -> list[Failure]:
        """Bring the pasts up to date and add the features to the fields of the events.

        An event that lacks what a table needs is a failure: no past knows of it, and it gets no
        features. Raises ValueError for a label whose event lacks it, since that was a failure.
        """
        failures = self._failures(ops)
        failed = {failure.index for failure in failures}
        good = [i for i, op in enumerate(ops) if isinstance(op, Event) and i not in failed]
        heard = [i for i, op in enumerate(ops) if isinstance(op, Label) and op.kind != "drop"]
        if ops and self._pasts:
            made = [past.apply(ops, good, heard) for past in self._pasts]
            for i, row in zip(good, np.hstack(made).tolist(), strict=True):
                ops[i].fields.update(zip(self.names, row, strict=True))
        return failures

    def save(self) -> None:
        """Put what changed since the last call into the state; once for each commit."""
        for past in self._pasts:
            past.store.save()

    def _failures(self, ops: Sequence[Op]) -> list[Failure]:
        events = [op.fields for op in ops if isinstance(op, Event)]
        if not events or self._needed.all_good(events):
            return []
        errors = (
            (i, self._needed.error(op.fields)) for i, op in enumerate(ops) if isinstance(op, Event)
        )
        return [Failure(i, "features", error) for i, error in errors if error is not None]
