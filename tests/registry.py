"""A schema registry in memory, with the rules of a real one that codecs meet."""

from __future__ import annotations

import json


class MemoryRegistry:
    """Gives ids from 1 on.

    Attributes:
        asked: The ids that were asked for, in order.
    """

    def __init__(self) -> None:
        self._schemas: list[tuple[str, str]] = []
        self.asked: list[int] = []

    def schema(self, id_: int) -> str | None:
        self.asked.append(id_)
        return self._schemas[id_ - 1][1] if 0 < id_ <= len(self._schemas) else None

    def latest(self, subject: str) -> tuple[int, str] | None:
        there = [(n, text) for n, (s, text) in enumerate(self._schemas, 1) if s == subject]
        return there[-1] if there else None

    def register(self, subject: str, schema: str) -> int:
        if (subject, schema) not in self._schemas:
            self._schemas.append((subject, schema))
        return self._schemas.index((subject, schema)) + 1

    def record(self, subject: str, **fields: object) -> int:
        """Register a record with fields of these types."""
        named = [{"name": name, "type": kind} for name, kind in fields.items()]
        made = {"type": "record", "name": "E", "fields": named}
        return self.register(subject, json.dumps(made))
