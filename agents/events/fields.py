"""The fields of an event: from a decoded value to id, label and features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from math import isfinite
from operator import attrgetter
from struct import Struct
from typing import Any, Protocol

import msgspec
import numpy as np

from agents.errors import InvalidEvent
from learners.engine.rows import Rows
from learners.model import UNLABELLED

NUMBER = (float, int, bool)
NOT_FINITE = "a value that is not finite"


@dataclass(frozen=True, slots=True)
class EventFields:
    """Which fields of an event are what.

    Attributes:
        id: The field of the event's id, or None.
        label: The field of the label, or None where labels do not come with the event.
        features: The declared features; None takes every numeric field but id and label, and
            the texts that a step before the learner takes.
        label_values: What labels stand for; see ``agents.events.limits.label_check``.
    """

    id: str | None = None
    label: str | None = None
    features: tuple[str, ...] | None = None
    label_values: Mapping[str, Any] = field(default_factory=dict)


class FieldParser(Protocol):
    """How decoded values give ids, labels and features."""

    type: Any
    """What the values are decoded to."""

    def explain(self, error: msgspec.ValidationError) -> str:
        """Why a value is not of ``type``."""
        ...

    def require_finite(self, event: Any) -> None:
        """Raise InvalidEvent, with its name, for the first feature that is not finite."""
        ...

    def ids(self, decoded: list[Any]) -> list[Any]:
        """One for each event; None where it has none."""
        ...

    def labels(self, decoded: list[Any]) -> list[Any]:
        """One for each event; ``UNLABELLED`` where labels do not come with events."""
        ...

    def rows(self, decoded: list[Any], *, as_matrix: bool) -> Rows | list[dict[str, Any]]:
        """The features: a matrix (events x features, float64), or a dict for each event.

        Raises:
            InvalidEvent, OverflowError: when one of them is not finite; ``require_finite``
                tells of which event.
        """
        ...


TakesText = Callable[[str], bool]
"""Whether the text of a feature can be used: a step before the learner makes numbers of it."""


def no_text(name: str) -> bool:
    """No feature is a text."""
    return False


def parser(fields: EventFields, takes_text: TakesText = no_text) -> FieldParser:
    """The parser for these fields."""
    kind = AnyFields if fields.features is None else DeclaredFields
    return kind(fields, takes_text)


# A class is never free before a walk through all memory: one for all partitions and assignments.
@cache
def _struct(
    features: tuple[tuple[str, str], ...],
    texts: tuple[str, ...],
    extra: tuple[tuple[str, str], ...],
) -> type[Any]:
    """Attributes with the names of their fields; ``texts`` are the features that may be one."""
    types: list[Any] = [
        (attribute, float | bool | str if attribute in texts else float | bool)
        for attribute, _ in features
    ]
    types += [(attribute, Any, None) for attribute, _ in extra]
    return msgspec.defstruct("Event", types, rename=dict(features + extra), gc=False)


class DeclaredFields(FieldParser):
    """Events with declared features: decoded into a struct, fields looked up by the decoder."""

    def __init__(self, fields: EventFields, takes_text: TakesText = no_text) -> None:
        self.names = fields.features or ()
        attributes = {f"feature_{i}": name for i, name in enumerate(self.names)}
        extra = [
            (attribute, name)
            for attribute, name in (("id", fields.id), ("label", fields.label))
            if name is not None
        ]
        texts = tuple(attribute for attribute, name in attributes.items() if takes_text(name))
        self.type = _struct(tuple(attributes.items()), texts, tuple(extra))
        self._has_id, self._has_label = fields.id is not None, fields.label is not None
        self._pack = Struct(f"{len(attributes)}d").pack
        get: Callable[[Any], Any] = attrgetter(*attributes)
        self._features: Callable[[Any], tuple[float, ...]] = (
            get if len(attributes) > 1 else lambda event: (get(event),)
        )

    def explain(self, error: msgspec.ValidationError) -> str:
        return plain(error)

    def require_finite(self, event: Any) -> None:
        for name, value in zip(self.names, self._features(event), strict=True):
            _finite(name, value)

    def ids(self, decoded: list[Any]) -> list[Any]:
        return [event.id for event in decoded] if self._has_id else [None] * len(decoded)

    def labels(self, decoded: list[Any]) -> list[Any]:
        if not self._has_label:
            return [UNLABELLED] * len(decoded)
        return [event.label for event in decoded]

    def rows(self, decoded: list[Any], *, as_matrix: bool) -> Rows | list[dict[str, Any]]:
        features = map(self._features, decoded)
        if not as_matrix:
            return _all_finite([dict(zip(self.names, x, strict=True)) for x in features])
        # Packed by row, as it costs three quarters of np.fromiter; a bytearray may be written to.
        packed = bytearray().join([self._pack(*x) for x in features])
        matrix = np.frombuffer(packed).reshape(len(decoded), len(self.names))
        if not np.isfinite(matrix).all():
            raise InvalidEvent(NOT_FINITE)
        return Rows(self.names, matrix)


class AnyFields(FieldParser):
    """Events without declared features: every numeric field but id and label is one."""

    type = dict[str, Any]

    def __init__(self, fields: EventFields, takes_text: TakesText = no_text) -> None:
        self._fields = fields
        self._takes_text = takes_text
        self._skip = frozenset(name for name in (fields.id, fields.label) if name is not None)

    def explain(self, error: msgspec.ValidationError) -> str:
        return plain(error)

    def require_finite(self, event: Any) -> None:
        for name, value in self._features(event).items():
            _finite(name, value)

    def ids(self, decoded: list[Any]) -> list[Any]:
        name = self._fields.id
        return [event.get(name) for event in decoded] if name else [None] * len(decoded)

    def labels(self, decoded: list[Any]) -> list[Any]:
        name = self._fields.label
        if name is None:
            return [UNLABELLED] * len(decoded)
        return [event.get(name) for event in decoded]

    def rows(self, decoded: list[Any], *, as_matrix: bool) -> Rows | list[dict[str, Any]]:
        features = _all_finite(list(map(self._features, decoded)))
        return Rows.from_dicts(features) if as_matrix else features

    def _features(self, event: Mapping[str, Any]) -> dict[str, Any]:
        skip = self._skip
        return {
            k: v
            for k, v in event.items()
            if (type(v) in NUMBER or (type(v) is str and self._takes_text(k))) and k not in skip
        }


def _all_finite(features: list[dict[str, Any]]) -> list[dict[str, Any]]:
    # A value that is not finite makes the sum so; so do finite ones, where it overflows.
    try:
        if isfinite(sum(sum(x.values()) for x in features)):
            return features
    except TypeError:  # texts among them
        pass
    for x in features:
        for name, value in x.items():
            _finite(name, value)
    return features


_WORDS = {
    "`bool | float | str`": "a number or a text",
    "`bool | float`": "a number",
    "`float | bool`": "a number",
    "`object`": "a map",
    "`array`": "a list",
    "`str`": "a text",
    "`null`": "nothing",
    "`None`": "nothing",
}


def plain(error: msgspec.ValidationError) -> str:
    """msgspec's words in ours."""
    text = str(error)
    for theirs, ours in _WORDS.items():
        text = text.replace(theirs, ours)
    return text


def _finite(name: str, value: float | str) -> None:
    if not isinstance(value, str) and not is_finite(value):
        raise InvalidEvent(f"{name}: {short(value)} is not a finite number")


def is_finite(value: float) -> bool:
    """Whether a number is finite, also as a float: 10**400 is not."""
    try:
        return isfinite(value)
    except OverflowError:
        return False


def short(value: Any) -> str:
    """A value as an error shows it: its ``repr``, cut."""
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
