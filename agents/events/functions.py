"""Feature functions: a user's own Python that makes more fields of an event, by "module:name"."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from agents.errors import FunctionFailed, UnknownFunction
from agents.events.fields import is_finite, short

Function = Callable[[Mapping[str, Any]], Mapping[str, float]]
Rule = Callable[[Mapping[str, Any]], float]
Enrich = Callable[[dict[str, Any]], None]

_EXACT = (float, int, bool)
_OF_NUMPY = (np.floating, np.integer, np.bool_)


def load_functions(names: Sequence[str]) -> Enrich:
    """What adds the features of these functions to the fields of an event, one after another.

    A function gets all fields, those that the functions before it added too, and gives a dict
    of texts to finite numbers. A field that is there already is overwritten.

    Args:
        names: Each "module:name".

    Returns:
        A function that changes the dict that it is given. It raises FunctionFailed, and has then
        changed what the functions before the failed one change.

    Raises:
        UnknownFunction: Naming the first that cannot be used, and why.
    """
    functions = [(name, load_function(name)) for name in names]

    def enrich(fields: dict[str, Any]) -> None:
        for name, function in functions:
            fields.update(_numbers(name, _called(name, function, fields)))

    return enrich


def load_rule(name: str) -> Rule:
    """What scores the fields of an event without a model; it raises FunctionFailed.

    Raises:
        UnknownFunction: As `load_functions`.
    """
    function = load_function(name)

    def rule(fields: Mapping[str, Any]) -> float:
        return float(_number(name, "the result", _called(name, function, fields)))

    return rule


def load_function(name: str) -> Callable[[Mapping[str, Any]], Any]:
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
        raise UnknownFunction(f'"{name}": there is no module "{missing}"{inner}') from error
    except AttributeError as error:
        raise UnknownFunction(f'"{name}": {error}') from error
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise UnknownFunction(f'"{name}": {module} cannot be imported: {what}') from error
    if not callable(found):
        raise UnknownFunction(f'"{name}" is no function but {short(found)}')
    made: Callable[[Mapping[str, Any]], Any] = found
    return made


def _called(
    name: str, function: Callable[[Mapping[str, Any]], Any], fields: Mapping[str, Any]
) -> Any:
    try:
        return function(fields)
    except Exception as error:
        raise FunctionFailed(f"{name}: {type(error).__name__}: {error}") from error


def _numbers(name: str, made: Any) -> dict[str, float]:
    if not isinstance(made, Mapping):
        raise FunctionFailed(f"{name}: gave {short(made)} instead of a dict")
    if not all(type(key) is str for key in made):
        raise FunctionFailed(f"{name}: gave a name that is no text: {short(made)}")
    return {key: _number(name, key, value) for key, value in made.items()}


def _number(name: str, what: str, value: Any) -> float:
    if isinstance(value, _OF_NUMPY):
        value = value.item()
    if type(value) not in _EXACT:
        raise FunctionFailed(f"{name}: {what} is {short(value)}, not a number")
    if not is_finite(value):
        raise FunctionFailed(f"{name}: {what} is {short(value)}, not a finite number")
    number: float = value
    return number
