"""Feature functions: a user's own Python that makes more fields of an event, by "module:name"."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from math import isfinite
from typing import Any

import numpy as np

from agents.errors import FunctionFailed, UnknownFunction
from agents.events.fields import is_finite, short
from agents.operations import Operations
from agents.rejected import Rejected
from learners import taken
from learners.engine.kernels import Bools, Floats, Ints

Function = Callable[[Any], Any]

_EXACT = (float, int, bool)
_OF_NUMPY = (np.floating, np.integer, np.bool_)


def takes_columns(function: Function) -> Function:
    """Declare that a function takes many events as columns; see docs/pipeline-file.md.

    Setting its attribute ``takes_columns`` does the same.
    """
    function.takes_columns = True  # type: ignore[attr-defined]
    return function


class EventColumns(Mapping[str, Any]):
    """The fields of some events as columns, as a function that takes columns is given them.

    A column is a float64 array where every event has a number; else a list, with None where an
    event has no such field. KeyError where none has it.

    Args:
        operations: All of the batch.
        at: Where the events stand.
    """

    def __init__(self, operations: Operations, at: Ints) -> None:
        self._operations = operations
        self._at = at
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._column(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        came = (name for i in self._at.tolist() for name in self._operations.came[i])
        return iter(dict.fromkeys([*came, *self._operations.added]))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _column(self, name: str) -> Any:
        column = self._operations.column(name, self._at)
        if isinstance(column, list):
            kinds = set(map(type, column))
            if kinds <= {type(None)} and name not in set(self):
                raise KeyError(name)
            if kinds <= set(_EXACT):
                with suppress(OverflowError):
                    return np.array(column, np.float64)
        return column


class Functions:
    """Adds the features of a user's functions to events, one function after another.

    A function gets all fields of an event, those that the functions before it added too, and
    returns a dict of texts to finite numbers. A field that is there already is overwritten.

    Args:
        names: Each "module:name".

    Raises:
        UnknownFunction: Naming the first that cannot be used, and why.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._functions = [(name, load_function(name)) for name in names]

    def apply(self, operations: Operations, events: Ints) -> tuple[Ints, list[Rejected]]:
        """Add the features to the events at these places; those for which it worked.

        An event for which a function fails keeps what the functions before that one added.
        """
        rejected: dict[int, Rejected] = {}
        for name, function in self._functions:
            way = _by_columns if _of_columns(function) else _by_event
            failed = way(operations, events, name, function)
            rejected |= failed
            if failed:
                events = np.setdiff1d(events, list(failed))
        return events, [rejected[i] for i in sorted(rejected)]


Failed = dict[int, FunctionFailed]
"""By the places of the events."""


def _reject(operations: Operations, failed: Failed) -> dict[int, Rejected]:
    return {i: operations.reject(i, "features", error) for i, error in failed.items()}


def _by_event(
    operations: Operations, events: Ints, name: str, function: Function
) -> dict[int, Rejected]:
    """A function that takes one event: a dict is made for each."""
    failed: Failed = {}
    at = events.tolist()
    settled = [operations.fields(i) for i in at]
    for i, fields in zip(at, settled, strict=True):
        try:
            fields.update(_numbers(name, _called(name, function, fields)))
        except FunctionFailed as error:
            failed[i] = error
    operations.settle(at, settled)
    return _reject(operations, failed)


def _by_columns(
    operations: Operations, events: Ints, name: str, function: Function
) -> dict[int, Rejected]:
    """A function that takes columns. Where it fails, each event is tried by itself."""
    failed: Failed = {}
    parts = _parts(operations, events, name, function, failed)
    finite = [_all_finite(name, at, made, failed) for at, made in parts]
    rejected = _reject(operations, failed)  # before the others get what these do not have
    for (at, made), good in zip(parts, finite, strict=True):
        for what, values in made.items():
            operations.add(what, at[good], values[good])
    return rejected


def _parts(
    operations: Operations, events: Ints, name: str, function: Function, failed: Failed
) -> list[tuple[Ints, dict[str, Floats]]]:
    """What the function made of all; or of each by itself, with those for which it failed.

    It is called before anything is added, so that every event is seen as it was.
    """
    if not len(events):
        return []
    try:
        return [(events, _made(operations, events, name, function))]
    except FunctionFailed:
        parts = []
        for one in np.split(events, len(events)):
            try:
                parts.append((one, _made(operations, one, name, function)))
            except FunctionFailed as error:
                failed[int(one[0])] = error
        return parts


def _made(operations: Operations, events: Ints, name: str, function: Function) -> dict[str, Floats]:
    made = _of_all(name, function, operations, events)
    return {
        what: _column(name, what, values, len(events))
        for what, values in _named(name, made).items()
    }


def _all_finite(name: str, at: Ints, made: Mapping[str, Floats], failed: Failed) -> Bools:
    """Which events have finite values only."""
    finite = np.ones(len(at), np.bool_)
    for what, values in made.items():
        for i in np.flatnonzero(finite & ~np.isfinite(values)).tolist():
            found = f"{what} is {short(float(values[i]))}, not a finite number"
            failed[int(at[i])] = FunctionFailed(f"{name}: {found}")
            finite[i] = False
    return finite


def score_events(
    operations: Operations, events: Ints, name: str, rule: Function
) -> list[float | None]:
    """What a rule says of each event; None where it fails, or returns anything but a number."""
    if not _of_columns(rule):
        return [_scored(name, rule, operations.fields(i)) for i in events.tolist()]
    try:
        made = _of_all(name, rule, operations, events)
        scores = _column(name, "the result", made, len(events)).tolist()
        return [score if isfinite(score) else None for score in scores]
    except FunctionFailed:
        if len(events) < 2:
            return [None] * len(events)
        alone = np.split(events, len(events))
        return [score for one in alone for score in score_events(operations, one, name, rule)]


def load_function(name: str) -> Function:
    """The function "module:name".

    Raises:
        UnknownFunction: Its module is not there or cannot be imported, has no such name, or
            that is no function.
    """
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        missing = error.name or module
        inner = "" if f"{module}.".startswith(f"{missing}.") else f", which {module} imports"
        why = f'there is no module "{missing}"{inner}{taken.hint(missing)}'
        raise UnknownFunction(f'"{name}": {why}') from error
    except AttributeError as error:
        raise UnknownFunction(f'"{name}": {error}{taken.hint(module)}') from error
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise UnknownFunction(f'"{name}": {module} cannot be imported: {what}') from error
    if not callable(found):
        raise UnknownFunction(f'"{name}" is no function but {short(found)}')
    made: Function = found
    return made


def _called(name: str, function: Function, fields: Mapping[str, Any]) -> Any:
    try:
        return function(fields)
    except Exception as error:
        raise FunctionFailed(f"{name}: {type(error).__name__}: {error}") from error


def _of_columns(function: Function) -> bool:
    return bool(getattr(function, "takes_columns", False))


def _of_all(name: str, function: Function, operations: Operations, events: Ints) -> Any:
    with np.errstate(all="ignore"):  # what is not finite is refused afterwards
        return _called(name, function, EventColumns(operations, events))


def _scored(name: str, rule: Function, fields: Mapping[str, Any]) -> float | None:
    try:
        return float(_number(name, "the result", _called(name, rule, fields)))
    except FunctionFailed:
        return None


def _column(name: str, what: str, values: Any, count: int) -> Floats:
    """The values of a feature, one for each of `count` events; one for all is taken, too."""
    try:
        column = np.asarray(values)
        if column.dtype.kind in "fiub":
            return np.array(np.broadcast_to(column, (count,)), np.float64)
    except ValueError:
        pass
    raise FunctionFailed(f"{name}: {what} is {short(values)}, not {count:,} numbers")


def _numbers(name: str, made: Any) -> dict[str, float]:
    return {key: _number(name, key, value) for key, value in _named(name, made).items()}


def _named(name: str, made: Any) -> Mapping[str, Any]:
    if not isinstance(made, Mapping):
        raise FunctionFailed(f"{name}: gave {short(made)} instead of a dict")
    if not all(type(key) is str for key in made):
        raise FunctionFailed(f"{name}: gave a name that is no text: {short(made)}")
    return made


def _number(name: str, what: str, value: Any) -> float:
    if isinstance(value, _OF_NUMPY):
        value = value.item()
    if type(value) not in _EXACT:
        raise FunctionFailed(f"{name}: {what} is {short(value)}, not a number")
    if not is_finite(value):
        raise FunctionFailed(f"{name}: {what} is {short(value)}, not a finite number")
    number: float = value
    return number
