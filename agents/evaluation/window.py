"""One open window: what was said of each of its events, and what is known of them."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from math import nan
from typing import Any, NamedTuple

import msgpack
import numpy as np

from agents.evaluation.figures import RIVALS, Known
from agents.events.fields import is_finite

CHUNK = 64
"""Events of one state entry: few entries where events rush in, small ones where they drip."""

OPEN, LABELLED, DROPPED = range(3)
ALERT = 2
_DECISIONS = {None: 0, "pass": 1, "alert": ALERT}
_ENTITIES = (str, int, float, bool)


class ScoredEvent(NamedTuple):
    """What was said of some events, as columns of one length.

    Attributes:
        entities: Whose they are; None for none.
        amounts: Money; what is no finite number counts as 0.
        decisions: "alert", "pass" or None.
        scores: By "model", "frozen" and "rule": the score, for several classes the class; None
            where nothing was said.
    """

    entities: Sequence[Any]
    amounts: Sequence[Any]
    decisions: Sequence[str | None]
    scores: Mapping[str, Sequence[Any]]

    def some(self, at: Sequence[int]) -> ScoredEvent:
        """That of the events at these places."""

        def of(column: Sequence[Any]) -> list[Any]:
            return [column[j] for j in at]

        scores = {name: of(column) for name, column in self.scores.items()}
        return ScoredEvent(of(self.entities), of(self.amounts), of(self.decisions), scores)


class Window:
    """The events of a window as columns.

    Args:
        start: In milliseconds since 1970.
        numbers: Whether labels and scores are numbers, or bools; else they are classes.
        rows: Where the event of an id stands, in whichever window it is; shared by all windows,
            as an id is in one of them only.
    """

    def __init__(self, start: int, numbers: bool, rows: dict[Any, int] | None = None) -> None:
        self.start = start
        self.heard = self.shown = 0
        self.open = self.alerts = self.decided = 0
        self._numbers = numbers
        self._rows: dict[Any, int] = {} if rows is None else rows
        self._ids: list[Any] = []
        self._entity = array("q")
        self._entities: dict[Any, int] = {}
        self._names: list[Any] = []
        self._amount = array("d")
        self._status, self._decision = bytearray(), bytearray()
        self._label: Any = self._column()
        self._said: dict[str, Any] = {rival: self._column() for rival in RIVALS}
        self._changed: set[int] = set()

    def __len__(self) -> int:
        return len(self._ids)

    def row(self, id_: Any) -> int | None:
        """Where the event with this id stands; None where it is not in this window."""
        row = self._rows.get(id_)
        here = row is not None and row < len(self._ids) and self._ids[row] == id_
        return row if here else None

    def forget(self) -> None:
        """Take its ids out of the shared rows."""
        for id_ in self._ids:
            self._rows.pop(id_, None)

    def reserve(self, id_: Any) -> int:
        """The row of one more event; what was said of it follows by `fill`, in the same order."""
        row = len(self._ids)
        self._ids.append(id_)
        if id_ is not None:
            self._rows[id_] = row
        self._status.append(OPEN)
        self._label.append(nan if self._numbers else None)
        self.open += 1
        return row

    def fill(self, said: ScoredEvent) -> None:
        """What was said of the events that were reserved since the last call."""
        count, first = len(self._ids), len(self._entity)
        self._entity.extend(map(self._number, said.entities))
        self._amount.extend(map(_money, said.amounts))
        codes = bytes(map(_DECISIONS.__getitem__, said.decisions))
        self._decision += codes
        self.alerts += codes.count(ALERT)
        self.decided += len(codes) - codes.count(0)
        absent = [None] * (count - first)
        for rival in RIVALS:
            self._said[rival].extend(map(self._value, said.scores.get(rival, absent)))
        if count > first:
            self._changed.update(range(first // CHUNK, (count - 1) // CHUNK + 1))

    def learn(self, row: int, label: Any) -> None:
        """Note the label of an event: the first one, or one that takes its place."""
        if self._status[row] == LABELLED and self._label[row] == label:
            return
        self.open -= self._status[row] == OPEN
        self._status[row] = LABELLED
        self._label[row] = label
        self._hear(row)

    def drop(self, row: int) -> None:
        """Note that an event will get no label; one that has its label keeps it."""
        if self._status[row] == OPEN:
            self.open -= 1
            self._status[row] = DROPPED
            self._hear(row)

    def known(self, entities: bool, amounts: bool) -> Known:
        """The labelled events."""
        chosen = np.flatnonzero(np.frombuffer(self._status, np.uint8) == LABELLED)
        entity = np.array(self._entity)[chosen] if entities else np.arange(len(chosen))
        return Known(
            labels=self._chosen(self._label, chosen),
            said={rival: self._chosen(column, chosen) for rival, column in self._said.items()},
            entity=entity,
            names=self._names if entities else None,
            numbers=self._entities if entities else {},
            amount=np.array(self._amount)[chosen] if amounts else None,
            alert=np.frombuffer(self._decision, np.uint8)[chosen] == ALERT,
        )

    def chunks(self) -> int:
        """How many entries it takes."""
        return -(-len(self._ids) // CHUNK)

    def changes(self) -> dict[int, bytes]:
        """The chunks that changed since the last call, by their numbers."""
        changed, self._changed = sorted(self._changed), set()
        return {number: self._packed(number) for number in changed}

    def restore(self, chunk: bytes) -> None:
        """Take the next chunk in; to be called in the order of their numbers."""
        ids, places, entities, amount, status, decision, label, said = msgpack.unpackb(chunk)
        for id_ in ids:
            if id_ is not None:
                self._rows[id_] = len(self._ids)
            self._ids.append(id_)
        numbers = [self._number(entity) for entity in entities]
        self._entity.extend(numbers[place] for place in places)
        self._amount.frombytes(amount)
        self._status += status
        self._decision += decision
        self._extend(self._label, label, len(ids))
        for rival, column in zip(RIVALS, said, strict=True):
            self._extend(self._said[rival], column, len(ids))
        self.open += status.count(OPEN)
        self.alerts += decision.count(ALERT)
        self.decided += len(decision) - decision.count(0)

    def _packed(self, number: int) -> bytes:
        rows = slice(number * CHUNK, (number + 1) * CHUNK)
        here = {place: i for i, place in enumerate(dict.fromkeys(self._entity[rows]))}
        packed: bytes = msgpack.packb(
            (
                self._ids[rows],
                [here[place] for place in self._entity[rows]],
                [None if place < 0 else self._names[place] for place in here],
                self._amount[rows].tobytes(),
                bytes(self._status[rows]),
                bytes(self._decision[rows]),
                self._bytes(self._label[rows]),
                [self._bytes(self._said[rival][rows]) for rival in RIVALS],
            )
        )
        return packed

    def _bytes(self, column: Any) -> Any:
        """None for a column without values."""
        if all(value is None or value != value for value in column):
            return None
        return column.tobytes() if self._numbers else column

    def _extend(self, column: Any, packed: Any, count: int) -> None:
        if packed is None:
            column.extend([nan if self._numbers else None] * count)
        elif self._numbers:
            column.frombytes(packed)
        else:
            column.extend(packed)

    def _hear(self, row: int) -> None:
        self.heard += 1
        self._changed.add(row // CHUNK)

    def _number(self, entity: Any) -> int:
        number = self._entities.get(entity) if type(entity) in _ENTITIES else -1
        if number is None:
            if type(entity) is int and not -(2**63) <= entity < 2**64:
                return -1
            number = self._entities[entity] = len(self._names)
            self._names.append(entity)
        return number

    def _column(self) -> Any:
        return array("d") if self._numbers else []

    def _value(self, said: Any) -> Any:
        return (nan if said is None else said) if self._numbers else said

    def _chosen(self, column: Any, rows: Any) -> Any:
        if self._numbers:
            return np.array(column)[rows]
        return [column[row] for row in rows]


def _money(amount: Any) -> float:
    """An amount that is no finite number counts as 0."""
    return float(amount) if type(amount) in (int, float) and is_finite(amount) else 0.0
