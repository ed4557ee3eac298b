"""Ids and keys of a source: what a label needs to meet its event."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from app.pipeline.load import Pipeline
from app.replay.base import Event
from app.replay.records import Channel

REMEMBERED = 500_000
"""Events whose ids are remembered; what comes later is not looked at."""
_ID, _KEY = "the id of an earlier event", "another key than their event"


class Matching:
    """Counts ids that come twice, labels without an event, and labels keyed otherwise.

    Args:
        pipeline: Says where ids are.
        to: The fields of the keys, by kind.
    """

    def __init__(self, pipeline: Pipeline, to: Mapping[str, Channel]) -> None:
        self._pipeline = pipeline
        self._to = to
        self._keys: dict[Hashable, Any] = {}
        self._twice = self._labels = self._met = self._keyed_otherwise = 0
        self._first: dict[str, str] = {}

    def add(self, where: str, event: Event) -> None:
        """Look at the id and the key of one row."""
        if len(self._keys) >= REMEMBERED:
            return
        if event.kind == "event":
            self._add_event(where, event.fields)
        elif self._pipeline.labels is not None:
            self._add_label(where, event.fields, self._pipeline.labels.id)

    def _add_event(self, where: str, fields: Mapping[str, Any]) -> None:
        id_ = fields.get(self._pipeline.events.id or "")
        if not isinstance(id_, str | int):
            return
        if id_ in self._keys:
            self._twice += 1
            self._first.setdefault(_ID, f"{where}: {id_!r}")
        self._keys[id_] = self._key("event", fields)

    def _add_label(self, where: str, fields: Mapping[str, Any], field: str) -> None:
        id_ = fields.get(field)
        if id_ is None:
            return
        self._labels += 1
        if not isinstance(id_, str | int) or id_ not in self._keys:
            self._first.setdefault("none", f"{where}: {id_!r}")
            return
        self._met += 1
        mine, its = self._key("label", fields), self._keys[id_]
        if mine != its:
            self._keyed_otherwise += 1
            self._first.setdefault(_KEY, f"{where}: {mine!r}, not {its!r}")

    def _key(self, kind: str, fields: Mapping[str, Any]) -> Any:
        channel = self._to.get(kind)
        key = None if channel is None or channel.key is None else fields.get(channel.key)
        return None if key is None else str(key)

    def remarks(self) -> Iterator[str]:
        """A line for each of these that was found."""
        if self._twice:
            yield (
                f"{self._first[_ID]} is {_ID}; so are {self._twice:,} ids. An id names one event:"
                " a label meets the last one that has it"
            )
        if self._labels and 2 * self._met < self._labels:
            yield (
                f"{self._first['none']} is the id of no event before it; {self._met:,} of"
                f" {self._labels:,} labels have one. Ids must be equal, type and case included"
            )
        labels = self._pipeline.labels
        if self._keyed_otherwise and labels is not None and labels.key is None:
            yield (
                f"{self._first[_KEY]}: {self._keyed_otherwise:,} of {self._met:,} labels have"
                f' {_KEY}, and with several partitions do not find it: set labels.key = "id"'
            )
