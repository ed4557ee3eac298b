"""The rows that were scored, kept until their labels have come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from agents import state_keys
from agents.errors import AgentError
from agents.keys import key_of
from agents.packing import pack, unpacker
from agents.state import State
from learners.engine.rows import Rows

PREFIX = state_keys.ROW
NAMES = state_keys.ROW_NAMES
"""The key of the features, in the order of the values."""

Row = bytes | dict[str, Any]
"""The values alone, as a row of a matrix lies in memory; or names and values."""


class RowsMismatch(AgentError):
    """Events wait that were scored by other features than those of the pipeline file."""


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
        self._names = names
        self._decode = unpacker(dict[str, Any])
        self._check_names()

    def _check_names(self) -> None:
        said, saved = pack(self._names), self._state.get(NAMES)
        if saved == said:
            return
        if saved is not None and next(iter(self._state.items(PREFIX)), None) is not None:
            raise RowsMismatch(
                f"events wait for their labels that were scored by {_listed(saved)}, and now"
                f" events.features are {_listed(said)}: give the pipeline a new name to learn"
                " anew, or go back to the old features"
            )
        self._state.put(NAMES, said)

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
