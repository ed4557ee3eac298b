"""Records between two stages, each a block of many events and labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from agents.forwarded_block import head_of


def latest_in(record: Any) -> int:
    """The latest time of what a record has, in milliseconds since 1970.

    By this time a record lies behind the same mark as all that it has.
    """
    return head_of(record.value()).latest


def operations_in(record: Any) -> int:
    """How many events and labels a record has."""
    return head_of(record.value()).size


def cut(records: Sequence[Any], limit: int) -> Iterator[list[Any]]:
    """Records, in parts that have ``limit`` events and labels, or more by a part of a record."""
    part, count = list[Any](), 0
    for record in records:
        part.append(record)
        count += operations_in(record)
        if count >= limit:
            yield part
            part, count = [], 0
    if part:
        yield part
