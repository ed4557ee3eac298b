"""From raw records to labels: what is heard, and what is set aside."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from agents.errors import InvalidEvent
from agents.events.limits import MAX_KEY, MAX_TEXT, MAX_VALUE, label_check
from agents.labels.reader import LabelFields, LabelReader, ParsedLabel
from learners import registry
from tests.agents.support import records
from topics.codecs import Codec
from topics.errors import DecodeError

FIELDS = LabelFields("event", "fraud", "source", {"analyst": 3, "rule": 0, "7": 5})


def reader(learner: str = "passive_aggressive", codec: str = "json", **fields: Any) -> LabelReader:
    chosen = LabelFields(**fields) if fields else FIELDS
    return LabelReader(Codec(codec), chosen, label_check(registry.create(learner, {})))


def heard(said: Any, learner: str = "passive_aggressive") -> ParsedLabel:
    (record,) = records([json.dumps(said).encode()])
    (label,) = reader(learner).read([record])
    assert isinstance(label, ParsedLabel)
    return label


def refused(value: bytes | None, learner: str = "passive_aggressive") -> tuple[str, str, type]:
    (record,) = records([value])
    (error,) = reader(learner).read([record])
    assert isinstance(error, DecodeError | InvalidEvent)
    return "decode" if isinstance(error, DecodeError) else "validate", str(error), type(error)


@pytest.mark.parametrize("codec", ["json", "msgpack"])
def test_a_label_is_heard_with_its_weight_and_time(codec: str) -> None:
    said = {"event": "e1", "fraud": 1, "source": "analyst", "more": [1]}
    (raw,) = records([Codec(codec).encode(said)])
    (label,) = reader(codec=codec).read([raw])
    assert isinstance(label, ParsedLabel)
    assert label == ParsedLabel("e1", True, "analyst", 3, 1_000, raw)
    assert label.label is True


@pytest.mark.parametrize(
    ("source", "weight"), [("analyst", 3), ("rule", 0), ("bank", 1), (None, 1), (7, 5), (8, 1)]
)
def test_a_source_that_is_not_named_counts_once(source: Any, weight: int) -> None:
    assert heard({"event": 1, "fraud": True, "source": source}).weight == weight


def test_without_a_field_for_it_no_label_has_a_source() -> None:
    (record,) = records([json.dumps({"id": 1, "label": 0, "source": ["any"]}).encode()])
    (label,) = reader(id="id", label="label").read([record])
    assert isinstance(label, ParsedLabel)
    assert (label.source, label.weight) == (None, 1)


@pytest.mark.parametrize(
    ("learner", "label", "taken"),
    [
        ("passive_aggressive", 0, False),
        ("passive_aggressive_multiclass", "cat", "cat"),
        ("passive_aggressive_multiclass", 2.0, 2),
        ("passive_aggressive_regressor", 3, 3.0),
        ("half_space_trees", 1, 1),
        ("half_space_trees", "bad", "bad"),
    ],
)
def test_a_label_is_as_the_model_takes_it_or_as_it_was_said(
    learner: str, label: Any, taken: Any
) -> None:
    got = heard({"event": 1, "fraud": label}, learner).label
    assert (got, type(got)) == (taken, type(taken))


@pytest.mark.parametrize(
    "value", [None, b"", b"{", b"\xff", b'{"a":' * 5_000, b" " * (MAX_VALUE + 1)]
)
def test_what_cannot_be_decoded_is_set_aside(value: bytes | None) -> None:
    stage, _, kind = refused(value)
    assert (stage, kind) == ("decode", DecodeError)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ([1], "Expected a map, got a list"),
        ({"fraud": 1}, "event: expected a text or an integer, got nothing"),
        ({"event": None, "fraud": 1}, "event: expected a text or an integer, got nothing"),
        ({"event": True, "fraud": 1}, "event: expected a text or an integer, got True"),
        ({"event": 1.5, "fraud": 1}, "event: expected a text or an integer, got 1.5"),
        ({"event": 2**64, "fraud": 1}, "event: expected a text or an integer"),
        ({"event": "x" * (MAX_TEXT + 1), "fraud": 1}, "event: expected a text or an integer"),
        ({"event": 1}, "fraud: expected a label, got nothing"),
        ({"event": 1, "fraud": None}, "fraud: expected a label, got nothing"),
        ({"event": 1, "fraud": "maybe"}, "fraud: label 'maybe'"),
        ({"event": 1, "fraud": 2}, "fraud: label 2"),
        ({"event": 1, "fraud": 1, "source": ["a"]}, "source: expected a text or an integer"),
    ],
)
def test_what_says_nothing_usable_is_set_aside_with_the_reason(said: Any, why: str) -> None:
    stage, text, kind = refused(json.dumps(said).encode())
    assert (stage, kind) == ("validate", InvalidEvent)
    assert why in text


@pytest.mark.parametrize("learner", ["passive_aggressive_multiclass", "half_space_trees"])
@pytest.mark.parametrize("label", ["x" * (MAX_TEXT + 1), 2**64, [1], {"a": 1}])
def test_a_label_of_unbounded_size_is_set_aside(learner: str, label: Any) -> None:
    assert refused(json.dumps({"event": 1, "fraud": label}).encode(), learner)[0] == "validate"


def test_a_key_that_is_too_large_is_set_aside() -> None:
    class LongKey:
        def key(self) -> bytes:
            return b"k" * (MAX_KEY + 1)

        def value(self) -> bytes:
            return msgspec.json.encode({"event": 1, "fraud": 1})

    record: Any = LongKey()
    assert [type(each) for each in reader().read([record])] == [InvalidEvent]


def test_one_that_cannot_be_used_leaves_the_others_as_they_are() -> None:
    good, bad = b'{"event": 1, "fraud": true}', [b"{", b'{"event": 1.5}', None]
    raw = records([good, *bad, good])
    kinds = [type(each) for each in reader().read(raw)]
    assert kinds == [ParsedLabel, DecodeError, InvalidEvent, DecodeError, ParsedLabel]
    assert reader().read([]) == []
