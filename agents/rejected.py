"""What is set aside: the one way out for input that cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from topics.dead_letters import Stage
from topics.records import Record

T = TypeVar("T")


class Rejected(NamedTuple):
    """A record that becomes a dead letter: at which stage, and why."""

    record: Record
    stage: Stage
    error: Exception


def read_each(
    records: Sequence[Record],
    read: Callable[[Record], T],
    unreadable: type[Exception],
    rejected: list[Rejected],
) -> Iterator[tuple[int, T]]:
    """What each record says, one after another, with its place among them.

    Args:
        records: In order.
        read: What one says.
        unreadable: What it raises where that is nothing.
        rejected: Gets the records that cannot be read.
    """
    for i, record in enumerate(records):
        try:
            found = read(record)
        except unreadable as error:
            rejected.append(Rejected(record, "decode", error))
        else:
            yield i, found
