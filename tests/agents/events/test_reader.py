"""From raw records to columns: who is kept stays in order and in step."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from agents.events.fields import EventFields
from agents.events.limits import MAX_VALUE
from agents.events.reader import EventReader
from learners import registry
from learners.engine.rows import Rows
from learners.model import UNLABELLED
from tests.agents.support import event, records
from topics.codecs import Codec


def reader(fields: EventFields, learner: str = "passive_aggressive") -> EventReader:
    return EventReader(Codec("json"), fields, registry.create(learner, {}))


DECLARED = EventFields("id", "y", ("a", "b"))


@pytest.mark.parametrize("fields", [DECLARED, EventFields("id", "y")])
def test_columns_stay_in_step_whatever_is_set_aside(fields: EventFields) -> None:
    draw = random.Random(2)
    faults: dict[str, dict[str, Any]] = {"id": {"id": []}, "label": {"y": "maybe"}}
    values: list[bytes] = []
    good: list[int] = []
    for i in range(300):
        fault = draw.choice(["", "", "", "id", "label", "value", "feature"])
        event: dict[str, Any] = {"id": i, "y": i % 2, "a": float(i), "b": -1.0}
        event |= faults.get(fault, {})
        text = json.dumps(event)
        text = text[:-1] if fault == "value" else text
        text = text.replace(f"{float(i)}", "1e999") if fault == "feature" else text
        values.append(text.encode())
        good += [i] * (fault == "")
    events, failures = reader(fields).read(records(values))
    assert events.index == list(events.ids) == good
    assert events.labels == [bool(i % 2) for i in good]
    assert isinstance(events.rows, Rows)
    assert [x["a"] for x in events.rows.to_dicts()] == [float(i) for i in good]
    assert sorted(events.index + [f.index for f in failures]) == list(range(300))


def test_a_null_label_is_none_at_all() -> None:
    values = [json.dumps({"id": 1, "a": 1, "b": 2, **y}).encode() for y in ({}, {"y": None})]
    events, failures = reader(DECLARED).read(records(values))
    assert events.labels == [UNLABELLED, UNLABELLED]
    assert not failures


def test_a_learner_without_labels_learns_every_event() -> None:
    value = json.dumps({"id": 1, "a": 1, "b": 2, "y": "any"}).encode()
    events, failures = reader(DECLARED, "k_means").read(records([value]))
    assert events.labels == [None]
    assert not failures


@pytest.mark.parametrize(("size", "kept"), [(MAX_VALUE, 1), (MAX_VALUE + 1, 0)])
def test_a_value_may_have_a_million_bytes_and_not_one_more(size: int, kept: int) -> None:
    value = event(a=1, b=1)
    padded = value + b" " * (size - len(value))
    events, failures = reader(EventFields("id", "y")).read(records([padded]))
    assert (len(events.index), len(failures)) == (kept, 1 - kept)


def test_records_without_any_good_event_give_empty_columns() -> None:
    values: list[Any] = [None, b"[]", b"{"]
    events, failures = reader(DECLARED).read(records(values))
    assert (events.index, list(events.ids), events.labels, len(events.rows)) == ([], [], [], 0)
    assert [failure.stage for failure in failures] == ["decode", "validate", "decode"]
