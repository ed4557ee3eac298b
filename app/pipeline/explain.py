"""Errors of validation as messages for the author of a pipeline file."""

import difflib

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from app.pipeline.setting_sources import table_at
from app.pipeline.sinks import table_of
from app.pipeline.toml_lines import Path as Key

_EXPECTED = {
    "string_type": "must be a text in quotes",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "tuple_type": 'must be a list of texts, such as ["a", "b"]',
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "too_short": "must not be empty",
}
_TABLES = (("learner", "steps"), ("entities",))
"""Lists of tables."""
_NO_WRITER = "needs `type`, a store that riverrun writes, or `connector`, one of Kafka Connect"


def explain(errors: list[ErrorDetails]) -> tuple[Key, str | None]:
    """The key of the error to show, and what is wrong with its value; None: it is missing.

    A missing key comes last of all errors: another may be that key, mistyped.
    """
    error = min(errors, key=lambda error: error["type"] == "missing")
    key = tuple(error.get("ctx", {}).get("key", "").split(".")) if _is_cross(error) else _loc(error)
    if error["type"] == "union_tag_not_found":
        return key, _NO_WRITER
    return key, None if error["type"] == "missing" else _what(error, key)


def _is_cross(error: ErrorDetails) -> bool:
    return error["type"] == "wrong_together"


def _loc(error: ErrorDetails) -> Key:
    """The key of an error; pydantic's place in a list counts where a key of a table follows."""
    loc, key = _untagged(error["loc"]), list[str]()
    for i, part in enumerate(loc):
        if isinstance(part, str):
            key.append(part)
        elif i + 1 < len(loc):
            key[-1] += f"[{part}]"
    return tuple(key)


def _untagged(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The place without the kind of a sink, which pydantic names behind the sink."""
    return (*loc[:2], *loc[3:]) if loc[0] == "sinks" else loc


def _what(error: ErrorDetails, key: Key) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        is_sink = key[0] == "sinks"  # the third part of whose place is its kind
        return _unknown(key, table_of(error["loc"][2]) if is_sink else table_at(key[:-1]))
    if key in _TABLES:
        return f"must be tables, each under [[{'.'.join(key)}]]"
    if kind == "literal_error":
        return f"must be {context['expected']}".replace("'", '"')
    if kind == "value_error":
        return str(context["error"])
    if kind == "greater_than_equal":
        return f"must be {context['ge']:g} or more"
    if kind == "less_than_equal":
        return f"must be {context['le']:g} or less"
    return _EXPECTED.get(kind, error["msg"])


def _unknown(key: Key, model: type[BaseModel] | None) -> str:
    if key[0] == "snapshots" and "key" in key[-1]:
        return "a key does not belong in a file: set RIVERRUN_SNAPSHOT_KEY in the environment"
    if key[0] == "sink":
        return "is [sinks.NAME] now, beside those of Kafka Connect; the keys are the same"
    allowed = list(model.model_fields) if model else []
    near = difflib.get_close_matches(key[-1].lower(), allowed, n=1)
    hint = f', did you mean "{near[0]}"?' if near else ";"
    return f"unknown key{hint} {_table(key[:-1])} {', '.join(allowed)}"


def _table(key: Key) -> str:
    """The table, as it is written in a file."""
    if not key:
        return "a pipeline takes"
    name, _, number = ".".join(key).partition("[")
    return f"[[{name}]] takes" if number else f"[{name}] takes"
