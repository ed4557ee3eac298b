"""Why things were set aside, counted: equal reasons are those that differ in values only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

MOST = 1_000
"""Reasons that are told apart; a function of the user's may have one for each event."""
_VALUE = re.compile(r"'(?:[^'\\]|\\.)*'|(?<![\w$.\[])-?\d[\d,.]*(?:e[+-]?\d+)?")


@dataclass
class Group(Generic[T]):
    """What was set aside for one reason: the first of them, and how many there are."""

    first: T
    count: int = 0


def grouped(
    letters: Iterable[T], why: Callable[[T], tuple[str, str]]
) -> tuple[list[Group[T]], int]:
    """The groups, the most frequent first; and how many letters are in none, for want of room.

    Args:
        letters: In their order.
        why: The stage and the message of one.
    """
    groups: dict[tuple[str, str], Group[T]] = {}
    left = 0
    for letter in letters:
        stage, message = why(letter)
        kind = stage, without_values(message)
        if kind not in groups and len(groups) == MOST:
            left += 1
            continue
        groups.setdefault(kind, Group(letter)).count += 1
    return sorted(groups.values(), key=lambda group: -group.count), left


def without_values(message: str) -> str:
    """A message without its quoted texts and its numbers, which differ from letter to letter.

    >>> without_values("no event with the id 'a-17' came within 3,600 s")
    'no event with the id … came within … s'
    >>> without_values("Expected a number, got a text - at `$.x1`")
    'Expected a number, got a text - at `$.x1`'
    """
    return _VALUE.sub("…", message)
