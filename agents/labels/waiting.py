"""The rows that were scored, kept until their labels have come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from agents import state_keys
from agents.errors import AgentError
from agents.events.read import Read
from agents.keys import key_of
from agents.labels.rows import DELETE, GET, PUT, STRANGE, TAKEN, work
from agents.operations import DROP, EVENT, Operations
from agents.packing import pack, unpacker
from agents.state import State
from agents.tables import table as tables
from agents.tables.arrays import joined_bytes
from learners.engine.kernels import Floats, Ints
from learners.engine.rows import Rows

PREFIX = state_keys.ROW
NAMES = state_keys.ROW_NAMES
"""The key of the features, in the order of the values."""

_to_json = msgspec.json.Encoder().encode

Row = bytes | dict[str, Any]
"""The values alone, as a row of a matrix lies in memory; or names and values."""


class RowsMismatch(AgentError):
    """Events wait that were scored by other features than those of the pipeline file."""


class Found(NamedTuple):
    """What is scored and learned of a batch, one after another.

    Attributes:
        at: The operation that each is for, by its place.
        rows: The features.
        labels: To be learned.
        times: How often each is.
    """

    at: Ints
    rows: Rows | list[dict[str, Any]]
    labels: list[Any]
    times: list[int]


class WaitingRows:
    """Rows by the id of their event, in the state.

    Args:
        state: Of the partition; keys begin with "row".
        names: The features of every row, so that only values are kept; None where events differ.

    Raises:
        RowsMismatch: when rows wait that were scored by other features.
    """

    def __init__(self, state: State, names: tuple[str, ...] | None) -> None:
        self._state = state
        self._table = state.table(PREFIX)
        self._names = names
        self._decode = unpacker(dict[str, Any])
        self._check_names()

    def warm_up(self) -> None:
        """Compile what finds and changes rows."""
        tables.warm_up()
        if self._names is not None:
            self._work(np.zeros(0, np.int64), [], np.zeros((0, len(self._names))))

    def _check_names(self) -> None:
        said, saved = pack(self._names), self._state.get(NAMES)
        if saved == said:
            return
        if saved is not None and len(self._table):
            raise RowsMismatch(
                f"events wait for their labels that were scored by {_listed(saved)}, and now"
                f" events.features are {_listed(said)}: give the pipeline a new name to learn"
                " anew, or go back to the old features"
            )
        self._state.put(NAMES, said)

    def join(self, operations: Operations, kept: Ints, read: Read) -> Found:
        """Events begin to wait with their features; labels find them there.

        Args:
            operations: Events and labels.
            kept: The places of those that count.
            read: The features of events.
        """
        if self._names is None:
            return self._join_one_by_one(operations, kept, read)
        row_of = np.full(len(operations), -1, np.int64)
        row_of[read.at] = np.arange(len(read.at))
        kinds, weights = operations.kinds, np.array(operations.weights, np.int64)
        events, drops = kinds[kept] == EVENT, kinds[kept] == DROP
        at = kept[np.where(events, row_of[kept] >= 0, drops | (weights[kept] > 0))]
        what = np.array([PUT, GET, GET, DELETE])[kinds[at]]
        events = what == PUT
        rows = np.zeros((len(at), len(self._names)))
        if len(read.at):
            assert isinstance(read.rows, Rows)  # the names are fixed
            rows[events] = read.rows.matrix[row_of[at[events]]]
        learned = self._work(what, [operations.ids[i] for i in at.tolist()], rows) & (
            what != DELETE
        )
        at, events = at[learned], events[learned]
        labels = [
            read.labels[row_of[i]] if is_event else operations.labels[i]
            for i, is_event in zip(at.tolist(), events.tolist(), strict=True)
        ]
        times = np.where(events, 1, weights[at]).tolist()
        return Found(at, Rows(self._names, rows[learned]), labels, times)

    def _work(self, what: Ints, ids: Sequence[Any], rows: Floats) -> NDArray[np.bool_]:
        """Let rows begin to wait, be found and go; returns for which there was one."""
        keys = list(map(_to_json, ids))
        news = int((what == PUT).sum())
        size = 8 * rows.shape[1]
        self._table.reserve(news, sum(map(len, keys)) + size * news, changes=len(keys) - news)
        taken = np.empty(len(keys), np.int64)
        view = rows.view(np.uint8).reshape(len(keys), size)
        work(self._table.memory, what, *joined_bytes(keys), view, taken)
        for i in np.flatnonzero(taken == STRANGE).tolist():
            key = key_of(PREFIX, ids[i])
            raise RowsMismatch(f"{key}: {len(self._state.get(key) or b''):,} bytes, not {size:,}")
        there: NDArray[np.bool_] = taken == TAKEN
        return there

    def _join_one_by_one(self, operations: Operations, kept: Ints, read: Read) -> Found:
        kinds, ids = operations.kinds.tolist(), operations.ids
        events = read.at.tolist()
        rows = split(read.rows, None, lambda: [operations.fields(i) for i in events])
        features = dict(zip(events, zip(rows, read.labels, strict=True), strict=True))
        found: list[tuple[int, Row, Any, int]] = []
        for i in kept.tolist():
            if kinds[i] == EVENT:
                if i in features:
                    row, label = features[i]
                    self.put(ids[i], row)
                    found.append((i, row, label, 1))
            elif (known := self.get(ids[i])) is not None:
                if kinds[i] == DROP:
                    self.delete(ids[i])
                elif operations.weights[i]:
                    found.append((i, known, operations.labels[i], operations.weights[i]))
        at, known_rows, labels, times = map(list, zip(*found, strict=True)) if found else ([],) * 4
        return Found(np.array(at, np.int64), join(known_rows, None), labels, times)

    def put(self, id_: Any, row: Row) -> bool:
        """Keep a row. False where one of that id waits already: the first one stays."""
        key = key_of(PREFIX, id_)
        if self._state.get(key) is not None:
            return False
        self._state.put(key, row if isinstance(row, bytes) else pack(row))
        return True

    def get(self, id_: Any) -> Row | None:
        """The row of an event, or None."""
        value = self._state.get(key_of(PREFIX, id_))
        if value is None:
            return None
        if self._names is not None:
            return value
        row: dict[str, Any] = self._decode(value)
        return row

    def delete(self, id_: Any) -> None:
        """Forget the row of an event, where there is one."""
        self._state.delete(key_of(PREFIX, id_))


def split(
    rows: Rows | Sequence[dict[str, Any]],
    names: tuple[str, ...] | None,
    fields: Callable[[], Sequence[Mapping[str, Any]]],
) -> list[Row]:
    """The rows of a batch one by one: as values where the names are fixed, else as dicts.

    A dict has the order of the fields of its event, whatever the others of the batch have.
    """
    if not isinstance(rows, Rows):
        return list(rows)
    if names is not None:
        values, size = rows.matrix.tobytes(), 8 * len(names)
        return [values[at : at + size] for at in range(0, len(values), size)]
    dicts = zip(fields(), rows.to_dicts(), strict=True)
    return [{name: row[name] for name in event if name in row} for event, row in dicts]


def join(rows: Sequence[Row], names: tuple[str, ...] | None) -> Rows | list[dict[str, Any]]:
    """What ``split`` has taken apart."""
    if names is None:
        return list(rows)  # type: ignore[arg-type]
    values = bytearray().join(rows)  # type: ignore[arg-type]  # it may be written to
    return Rows(names, np.frombuffer(values).reshape(len(rows), len(names)))


def _listed(names: bytes) -> str:
    found = unpacker(list[str] | None)(names)
    return "no fixed features" if found is None else ", ".join(found)
