"""Columns of operations say what their fields say."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.operations import EVENT, Operations, ParsedEvent
from agents.records import StoredRecord
from topics.records import Source


def batch(*fields: dict[str, Any]) -> Operations:
    record = StoredRecord(Source("cards", 0, 7), None, b"{}", 5)
    rows = [ParsedEvent(i, 5, each, record).row() for i, each in enumerate(fields)]
    return Operations.of(rows, [record] * len(rows), range(len(rows)))


def test_a_column_is_its_field_of_each_event_wherever_they_stand() -> None:
    made = batch({"a": 1}, {"a": "x"}, {})
    everything = np.arange(3)
    assert made.column("a", everything) == [1, "x", None]
    assert made.column("a", np.array([2, 0])) == [None, 1]
    assert made.take(np.array([1, 2])).column("a", np.arange(2)) == ["x", None]


def test_who_changes_a_column_that_was_given_changes_nothing_here() -> None:
    made = batch({"a": 1}, {"a": 2})
    made.column("a", np.arange(2))[0] = 9
    assert made.column("a", np.arange(2)) == [1, 2]


def test_a_column_follows_the_fields_that_events_are_given_later() -> None:
    made = batch({"a": 1}, {"a": 2})
    assert made.column("a", np.arange(2)) == [1, 2]
    made.settle([1], [{"a": 3}])
    assert made.column("a", np.arange(2)) == [1, 3]
    made.add("a", np.array([0]), 4.0)
    assert made.column("a", np.array([0])).tolist() == [4.0]


def test_events_by_their_own_records_have_the_times_of_these() -> None:
    record = StoredRecord(Source("cards", 0, 7), None, b"{}", 5)
    made = Operations.of_events([1], [{}], [record], np.zeros(1, np.int64))
    assert (made.times.tolist(), made.event_times.tolist()) == ([5], [5])
    assert made.kinds.tolist() == [EVENT]
