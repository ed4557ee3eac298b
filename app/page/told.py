"""What a worker tells its page: whether it does its work, and what it has done."""

from __future__ import annotations

import json
from time import monotonic
from typing import Any

STALE_SECONDS = 10.0
"""After so long without a word from the worker nobody knows how it is."""

_SILENT = {"ready": False, "partitions": [], "events": 0, "commits": 0}


class Told:
    """The last word of the worker."""

    def __init__(self) -> None:
        self._health: dict[str, Any] = dict(_SILENT)
        self._counts: dict[str, Any] = {}
        self._at = monotonic()

    def hear(self, line: bytes) -> None:
        """Take a line of JSON that `words` made."""
        said = json.loads(line)
        self._health, self._counts, self._at = said["health"], said["counts"], monotonic()

    def health(self) -> dict[str, Any]:
        """As the worker said it; not ready where it was not heard of for long."""
        if monotonic() - self._at > STALE_SECONDS:
            return {**self._health, "ready": False}
        return self._health

    def counts(self) -> dict[str, Any]:
        """As the worker said it."""
        return self._counts


def words(health: dict[str, Any], counts: dict[str, Any]) -> bytes:
    """A line for `Told.hear`."""
    return json.dumps({"health": health, "counts": counts}).encode() + b"\n"
