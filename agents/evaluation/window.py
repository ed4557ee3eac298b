"""One open window: what was said of each of its events, and what is known of them."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from itertools import repeat
from math import nan
from typing import Any, NamedTuple

import msgpack
import numpy as np
from numpy.typing import NDArray

from agents.evaluation.classes import Classes
from agents.evaluation.figures import RIVALS, Known
from agents.evaluation.labelling import LABELLED, OPEN, label_rows
from agents.events.fields import is_finite
from learners.engine.kernels import Floats, Ints

CHUNK = 64
"""Events of one state entry: few entries where events rush in, small ones where they drip."""

MOST = 1 << 32
"""Events of a window."""

ALERT = 2
_DECISIONS = {None: 0, "pass": 1, "alert": ALERT}
_ENTITIES = frozenset((str, int, float, bool))
_COUNTED = frozenset((float, int))


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
        classes: The numbers of the classes; None where labels and scores are numbers, or bools.
        rows: Where the event of an id stands, in whichever window it is; shared by all windows,
            as an id is in one of them only.
        number: Another one for each of these windows.
    """

    def __init__(
        self,
        start: int,
        classes: Classes | None = None,
        rows: dict[Any, int] | None = None,
        number: int = 0,
    ) -> None:
        self.start = start
        self.labelled = self.shown = 0
        self.open = self.alerts = self.decided = 0
        self._classes = classes
        self._rows: dict[Any, int] = {} if rows is None else rows
        self._base = number * MOST
        self._ids: list[Any] = []
        self._entity = array("q")
        self._entities: dict[Any, int] = {}
        self._names: list[Any] = []
        self._amount = array("d")
        self._status, self._decision = bytearray(), bytearray()
        self._label = array("d")
        self._said = {scorer: array("d") for scorer in RIVALS}
        self._changed: set[int] = set()

    def __len__(self) -> int:
        return len(self._ids)

    def rows(self, ids: Sequence[Any]) -> Ints:
        """Where the events with these ids stand; -1 for one that is not in this window."""
        found = np.fromiter(map(self._rows.get, ids, repeat(-1)), np.int64, len(ids)) - self._base
        return np.where((found >= 0) & (found < len(self._ids)), found, -1)

    def are_open(self, rows: Ints) -> NDArray[np.bool_]:
        """Of which events in these rows nothing is known yet."""
        found: NDArray[np.bool_] = np.frombuffer(self._status, np.uint8)[rows] == OPEN
        return found

    def forget(self) -> None:
        """Take its ids out of the shared rows."""
        for id_ in self._ids:
            self._rows.pop(id_, None)

    def add(self, ids: Sequence[Any], said: ScoredEvent) -> None:
        """More events, and what was said of them; no id is in a window already."""
        first, count = len(self._ids), len(ids)
        if not count:
            return
        self._number_rows(ids)
        self._status += bytes(count)  # OPEN
        self.open += count
        self._label.extend([nan] * count)
        self._entity.frombytes(self._numbers(said.entities).tobytes())
        self._amount.frombytes(_money(said.amounts).tobytes())
        codes = bytes(map(_DECISIONS.__getitem__, said.decisions))
        self._decision += codes
        self.alerts += codes.count(ALERT)
        self.decided += count - codes.count(0)
        for scorer, column in self._said.items():
            values = said.scores.get(scorer)
            self._extend(column, None if values is None else self._coded(values), count)
        self._changed.update(range(first // CHUNK, (first + count - 1) // CHUNK + 1))

    def take_labels(self, rows: Ints, labels: Sequence[Any]) -> None:
        """Note what became known of events, in order.

        Args:
            rows: Where they stand.
            labels: The first one of an event, or one that takes its place; None: it will get
                none, and keeps what it has.
        """
        labelled = np.zeros(self.chunks(), np.int64)
        status, known = np.frombuffer(self._status, np.uint8), np.frombuffer(self._label)
        self.open -= label_rows(rows, self._coded(labels), status, known, CHUNK, labelled)
        self.labelled += int(labelled.sum())
        self._changed.update(np.flatnonzero(labelled).tolist())

    def known(self, entities: bool, amounts: bool) -> Known:
        """The labelled events."""
        chosen = np.flatnonzero(np.frombuffer(self._status, np.uint8) == LABELLED)
        entity = np.array(self._entity)[chosen] if entities else np.arange(len(chosen))

        def of(column: array[float]) -> Any:
            values = np.array(column)[chosen]
            return values if self._classes is None else self._classes.names(values)

        return Known(
            labels=of(self._label),
            said={scorer: of(column) for scorer, column in self._said.items()},
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
        self._number_rows(ids)
        numbers = self._numbers(entities).tolist()
        self._entity.extend(numbers[place] for place in places)
        self._amount.frombytes(amount)
        self._status += status
        self._decision += decision
        columns = zip((self._label, *self._said.values()), (label, *said), strict=True)
        for column, packed in columns:
            self._extend(column, packed and self._unpacked(packed), len(ids))
        self.open += status.count(OPEN)
        self.alerts += decision.count(ALERT)
        self.decided += len(decision) - decision.count(0)

    def _number_rows(self, ids: Sequence[Any]) -> None:
        first = self._base + len(self._ids)
        self._ids += ids
        self._rows.update(zip(ids, range(first, first + len(ids)), strict=True))
        self._rows.pop(None, None)

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
                self._column(self._label[rows]),
                [self._column(self._said[scorer][rows]) for scorer in RIVALS],
            )
        )
        return packed

    def _column(self, values: array[float]) -> Any:
        """As it is saved; None for a column without values."""
        if np.isnan(values).all():
            return None
        return values.tobytes() if self._classes is None else self._classes.names(values)

    def _unpacked(self, saved: Any) -> Floats:
        return np.frombuffer(saved) if self._classes is None else self._classes.numbers(saved)

    @staticmethod
    def _extend(column: array[float], values: Floats | None, count: int) -> None:
        column.frombytes((np.full(count, nan) if values is None else values).tobytes())

    def _coded(self, values: Sequence[Any]) -> Floats:
        """Labels or scores as numbers; NaN for None."""
        if self._classes is None:
            return np.array(values, np.float64)
        return self._classes.numbers(values)

    def _numbers(self, entities: Sequence[Any]) -> Ints:
        """The number of each entity, -1 for what is none."""
        if not set(map(type, entities)) <= _ENTITIES:
            return np.array([self._number(entity) for entity in entities], np.int64)
        found = list(map(self._entities.get, entities))
        for i in [i for i, number in enumerate(found) if number is None]:
            found[i] = self._number(entities[i])
        return np.array(found, np.int64)

    def _number(self, entity: Any) -> int:
        number = self._entities.get(entity) if type(entity) in _ENTITIES else -1
        if number is None:
            if type(entity) is int and not -(2**63) <= entity < 2**64:
                return -1
            number = self._entities[entity] = len(self._names)
            self._names.append(entity)
        return number


def _money(amounts: Sequence[Any]) -> Floats:
    """An amount that is no finite number counts as 0."""
    if set(map(type, amounts)) == {float}:
        found = np.array(amounts)
        return np.where(np.isfinite(found), found, 0.0)
    are = (type(amount) in _COUNTED and is_finite(amount) for amount in amounts)
    return np.array([float(a) if is_one else 0.0 for a, is_one in zip(amounts, are, strict=True)])
