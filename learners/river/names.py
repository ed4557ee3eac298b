"""From dotted names and plain values in a pipeline file to River's objects."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from learners import taken
from learners.errors import ParameterError, UnknownLearner
from learners.parameters import refuse_unknown


def build(type: str, params: Mapping[str, Any], called: str = "") -> Any:
    """Call what `type` names with `params`; errors call it `called`, or else `type`.

    A table with a "type" among the parameters is built first, and so are those in lists.
    Whatever of River's takes a `seed` and was given none gets 0: unseeded models could not
    be restored to what they were.

    Raises UnknownLearner and ParameterError.
    """
    make, called = find(type), called or type
    ready = {key: _value(value) for key, value in params.items()}
    allowed = _parameters(make)
    if allowed is not None:
        refuse_unknown(called, params, allowed)
    if type.startswith("river.") and _takes_seed(make, type) and ready.get("seed") is None:
        ready["seed"] = 0
    if type.startswith("river.imblearn.") and isinstance(ready.get("desired_dist"), dict):
        ready["desired_dist"] = {_label(key): part for key, part in ready["desired_dist"].items()}
    try:
        return make(**ready)
    except ParameterError as error:
        raise ParameterError(f"learner {called!r}: {error}") from None
    except Exception as error:
        reason = f"{error.__class__.__name__}: {error}"
        raise ParameterError(f"learner {called!r} with {dict(params)}: {reason}") from error


def find(type: str) -> Any:
    """The class or function that "river.x.Y" or "module:name" names. Raises UnknownLearner."""
    module, _, name = type.partition(":") if ":" in type else type.rpartition(".")
    if ":" not in type and not type.startswith("river."):
        raise UnknownLearner(f"learner {type!r}: write your own as 'module:name'")
    try:
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise UnknownLearner(
            f"learner {type!r}: {error}{_meant(error)}{taken.hint(module)}"
        ) from error
    if not callable(found):
        raise UnknownLearner(f"learner {type!r}: is neither a class nor a function")
    return found


def _meant(error: Exception) -> str:
    """A name like the one that is not there, if there is one."""
    if not isinstance(error, AttributeError):
        return ""
    close = difflib.get_close_matches(error.name or "", dir(error.obj), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _value(value: Any) -> Any:
    if isinstance(value, Mapping) and "type" in value:
        rest = {key: part for key, part in value.items() if key != "type"}
        return build(value["type"], rest)
    if isinstance(value, list):
        return [_value(part) for part in value]
    return value


def _label(key: str) -> Any:
    """A label from the key of a table, which can only be a text: true, false and integers."""
    if key in ("true", "false"):
        return key == "true"
    return int(key) if key.isdecimal() else key


def _takes_seed(make: Any, type: str) -> bool:
    # STREAMKMeans hands whatever it is given to the KMeans of each chunk.
    return type.endswith(".STREAMKMeans") or "seed" in inspect.signature(make).parameters


def _parameters(make: Any) -> list[str] | None:
    """The names that `make` takes, or None if it takes any."""
    kinds = inspect.signature(make).parameters
    if any(p.kind is p.VAR_KEYWORD for p in kinds.values()):
        return None
    return [name for name, p in kinds.items() if p.kind is not p.VAR_POSITIONAL]
