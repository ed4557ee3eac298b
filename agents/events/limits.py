"""What a record, an id and a label may be: one rule for events and for labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

import msgspec

from agents.errors import InvalidEvent
from agents.events.fields import short
from learners.base import UNSUPERVISED
from learners.model import Model
from topics.codecs import UNDECODABLE, decode_error
from topics.errors import DecodeError

MAX_VALUE = 1_000_000
"""Bytes. A larger value is not read: Kafka's own default limit is 1 MiB."""

MAX_KEY = 500_000
"""Bytes. The prediction has the same key, and must fit below that limit with the rest."""

MAX_TEXT = 10_000
"""Characters of an id or a label, for the same reason."""

LIMITS = f" (at most {MAX_TEXT:,} characters, 64 bits)"

_INTEGERS = range(-(2**63), 2**64)


def all_fit(values: list[Any]) -> bool:
    """Whether ``fits`` holds for all; False where that is not seen at once."""
    kinds = set(map(type, values))
    if kinds == {str}:
        return max(map(len, values)) <= MAX_TEXT
    return kinds == {int} and min(values) in _INTEGERS and max(values) in _INTEGERS


def fits(value: Any) -> bool:
    """Whether a value is a text or an integer that every format can carry."""
    if type(value) is str:
        return len(value) <= MAX_TEXT
    return type(value) is int and value in _INTEGERS


def is_plain(value: Any) -> bool:
    """Whether a value is a text or a number of bounded size: what a state may keep of a field."""
    if type(value) is float:
        return isfinite(value)
    return type(value) is bool or fits(value)


def bounded(keys: Sequence[bytes], values: Sequence[bytes | None]) -> bool:
    """Whether every record has a value, and none is too large."""
    try:
        longest = max(map(len, values), default=0)  # type: ignore[arg-type]
    except TypeError:
        return False
    return longest <= MAX_VALUE and max(map(len, keys), default=0) <= MAX_KEY


def id_error(field: str, id_: Any) -> InvalidEvent:
    """Why an id that does not fit is refused."""
    return InvalidEvent(f"{field}: expected a text or an integer, got {short(id_)}{LIMITS}")


def label_check(model: Model, values: Mapping[str, Any] | None = None) -> Callable[[Any], Any]:
    """From a label as it was read to the label as the model takes it.

    Where the model learns without labels, they stay as they are: others may evaluate by them.

    Args:
        model: It knows which labels it takes.
        values: What a label stands for, such as true for "yes"; see ``label_value``.

    Raises (the function): ``ValueError`` for a label that is not taken.
    """
    check: Callable[[Any], Any]
    check = _plain_label if model.task in UNSUPERVISED else model.check_label
    if model.task == "multiclass":
        check = _bounded(check)
    return _mapped(check, values) if values else check


def label_value(values: Mapping[str, Any], label: Any) -> Any:
    """What a text or an integer stands for; itself where ``values`` does not name it.

    >>> label_value({"yes": True, "-1": False}, -1), label_value({"yes": True}, "no")
    (False, 'no')
    """
    return values.get(str(label), label) if type(label) in (str, int) else label


def _mapped(check: Callable[[Any], Any], values: Mapping[str, Any]) -> Callable[[Any], Any]:
    def checked(label: Any) -> Any:
        try:
            return check(label_value(values, label))
        except ValueError as error:
            raise InvalidEvent(f"{error} (label_values has {', '.join(values)})") from error

    return checked


def _plain_label(label: Any) -> Any:
    if not is_plain(label):
        raise InvalidEvent(f"expected a text, a number or a bool, got {short(label)}{LIMITS}")
    return label


def _bounded(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """``check``, for classes: they come back as predictions."""

    def checked(label: Any) -> Any:
        label = check(label)
        if not is_plain(label):
            raise InvalidEvent(f"label {short(label)} is too large{LIMITS}")
        return label

    return checked


def decode_one(
    decode: Callable[[bytes], Any],
    format_: str,
    explain: Callable[[msgspec.ValidationError], str],
    key: bytes,
    value: bytes | None,
) -> Any:
    """The decoded value of one record.

    Raises:
        DecodeError: when it is empty, too large or not of this format.
        InvalidEvent: when it is, but says something else than was expected.
    """
    if len(key) > MAX_KEY:
        raise InvalidEvent(f"the key has {len(key):,} bytes; at most {MAX_KEY:,} are taken")
    if value is not None and len(value) > MAX_VALUE:
        raise DecodeError(f"the value has {len(value):,} bytes; at most {MAX_VALUE:,} are read")
    try:
        return decode(value)  # type: ignore[arg-type]
    except msgspec.ValidationError as error:
        raise InvalidEvent(explain(error)) from error
    except UNDECODABLE as error:
        raise decode_error(format_, value, error) from error
