"""What a worker tells its page: whether it does its work, and what it has done."""

from __future__ import annotations

import json
from time import monotonic
from typing import Any

STALE_SECONDS = 10.0
"""After so long without a word from the worker nobody knows how it is."""
DEAD_SECONDS = 150.0
"""After so long it is taken for dead, unless batches may take longer."""

_SILENT = {
    "ready": False,
    "reasons": ["the worker was not heard of yet"],
    "partitions": [],
    "events": 0,
    "commits": 0,
}


class Told:
    """The last word of the worker.

    Args:
        dead: Seconds without a word after which it is taken for dead: longer than any batch,
            for it says nothing while it processes one.
    """

    def __init__(self, dead: float = DEAD_SECONDS) -> None:
        self._dead = dead
        self._health: dict[str, Any] = dict(_SILENT)
        self._counts: dict[str, Any] = {}
        self._measures: dict[str, Any] = {}
        self._at = monotonic()

    def hear(self, line: bytes) -> None:
        """Take a line of JSON that `words` made."""
        said = json.loads(line)
        self._health, self._counts, self._at = said["health"], said["counts"], monotonic()
        self._measures = said["measures"]

    def health(self) -> dict[str, Any]:
        """As the worker said it; not ready where it was not heard of for long."""
        silent = monotonic() - self._at
        if silent > STALE_SECONDS:
            reason = f"the worker was not heard of for {silent:.0f} s"
            return {**self._health, "ready": False, "reasons": [reason]}
        return self._health

    def alive(self) -> dict[str, Any]:
        """Whether the worker lives, and why not: what a supervisor restarts it for."""
        silent = monotonic() - self._at
        if silent <= self._dead:
            return {"alive": True, "reasons": []}
        return {"alive": False, "reasons": [f"the worker was not heard of for {silent:.0f} s"]}

    def counts(self) -> dict[str, Any]:
        """As the worker said it."""
        return self._counts

    def measures(self) -> dict[str, Any]:
        """As the worker said it; empty before."""
        return self._measures


def words(health: dict[str, Any], counts: dict[str, Any], measures: dict[str, Any]) -> bytes:
    """A line for `Told.hear`."""
    said = {"health": health, "counts": counts, "measures": measures}
    return json.dumps(said).encode() + b"\n"
