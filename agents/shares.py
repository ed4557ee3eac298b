"""Whole quantities that the partitions of a pipeline share."""

from __future__ import annotations


def share(total: int, partition: int, partitions: int, turn: int = 0) -> int:
    """The part of one partition; those of all partitions add up to the total.

    What does not divide goes around from turn to turn, so that each has its share of it.

    Args:
        total: What is shared.
        partition: Whose part, from 0.
        partitions: How many share it.
        turn: Which one of the consecutive spans of time.

    >>> [[share(10, partition, 4, turn) for partition in range(4)] for turn in range(2)]
    [[3, 3, 2, 2], [2, 2, 3, 3]]
    >>> [share(1, 1, 3, turn) for turn in range(4)]
    [0, 1, 0, 0]
    """
    whole, rest = divmod(total, partitions)
    return whole + ((partition - turn * rest) % partitions < rest)
