"""Events and labels become records: where to, with which key, at what time."""

from pathlib import Path

import msgspec
import pytest

from app.pipeline.load import Pipeline, load_pipeline
from app.replay.base import Event, LateLabels, Source
from app.replay.records import (
    Encoded,
    ReplayError,
    channels,
    limited,
    records,
    refuse_lost,
)
from app.replay.sources import open_source
from topics.times import TimeLimits

TEXT = """\
name = "p"
[events]
topic = "p.events.v1"
id = "id"
[labels]
topic = "p.labels.v1"
format = "msgpack"
id = "event"
label = "bad"
[predictions]
topic = "p.predictions.v1"
[learner]
type = "passive_aggressive"
"""


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    """A pipeline with labels, whose ids have another name than those of the events."""
    (tmp_path / "p.toml").write_text(TEXT)
    return load_pipeline(tmp_path / "p.toml", environ={})


EVENT = Event(1, {"id": "a", "card": 7, "x": 1.5}, "event", 5000)
LABEL = Event(2, {"event": "a", "card": 7, "bad": True}, "label", 9000)


def encoded(pipeline: Pipeline, *events: Event, key: str | None = None) -> list[Encoded]:
    """The records of these."""
    source = Source("rows", lambda: iter(events))
    return list(records(source, source.read(), channels(pipeline, source, key)))


def test_a_label_goes_to_its_own_topic_in_its_own_format(pipeline: Pipeline) -> None:
    event, label = encoded(pipeline, EVENT, LABEL)
    assert (event.topic, label.topic) == ("p.events.v1", "p.labels.v1")
    assert msgspec.json.decode(event.value) == EVENT.fields
    assert msgspec.msgpack.decode(label.value) == LABEL.fields
    assert (event.timestamp, label.timestamp) == (5000, 9000)


@pytest.mark.parametrize(("key", "value"), [(None, b"a"), ("id", b"a"), ("card", b"7")])
def test_a_label_has_the_key_of_its_event(
    pipeline: Pipeline, key: str | None, value: bytes
) -> None:
    assert [record.key for record in encoded(pipeline, EVENT, LABEL, key=key)] == [value, value]


def test_labels_keyed_by_the_id_are_sent_with_the_id(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(TEXT.replace('"bad"', '"bad"\nkey = "id"'))
    by_id = load_pipeline(tmp_path / "p.toml", environ={})
    event, label = encoded(by_id, EVENT, LABEL, key="card")
    assert (event.key, label.key) == (b"7", b"a")


def test_a_label_without_the_key_of_its_event_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(ReplayError, match=r'^rows:2: has no field "x" for the key'):
        encoded(pipeline, EVENT, LABEL, key="x")


def test_what_is_larger_than_an_event_may_be_is_refused(pipeline: Pipeline) -> None:
    large = EVENT._replace(fields={"id": "a", "text": "x" * 1_000_000})
    with pytest.raises(ReplayError, match=r"^rows:1: an event of 1,000,0\d\d bytes; at most 1,000"):
        encoded(pipeline, large)


def test_what_its_topic_does_not_take_is_refused_with_its_line(pipeline: Pipeline) -> None:
    event, label = encoded(pipeline, EVENT, LABEL)
    limits = TimeLimits(retention=1000, after=1000)
    refuse_lost(event, limits, 6000)
    refuse_lost(label, limits, 8000)
    refuse_lost(label, None, 0)
    with pytest.raises(
        ReplayError, match=r"^rows:1: an event of 1970-01-01 00:00 for p\.ev.*older"
    ):
        refuse_lost(event, limits, 6001)
    with pytest.raises(ReplayError, match=r"^rows:2: a label of 1970-01-01 00:00 for p\.l.*future"):
        refuse_lost(label, limits, 7999)


def test_a_label_for_a_pipeline_without_labels_is_refused(tmp_path: Path) -> None:
    text = TEXT[: TEXT.index("[labels]")] + TEXT[TEXT.index("[predictions]") :]
    (tmp_path / "p.toml").write_text(text)
    with pytest.raises(ReplayError, match=r"^rows:2: a label, but the pipeline has no \[labels\]"):
        encoded(load_pipeline(tmp_path / "p.toml", environ={}), EVENT, LABEL)


def test_a_limit_counts_events_and_lets_the_labels_before_the_next_one_through() -> None:
    source = open_source("phishing", "id", None, LateLabels("id", "is_phishing"))
    kinds = [event.kind for event in limited(source.read(), 3, with_labels=True)]
    assert kinds == ["event", "label"] * 3


def test_what_comes_after_the_limit_is_not_read_where_there_are_no_labels() -> None:
    rest = iter([EVENT, EVENT])
    assert list(limited(rest, 1, with_labels=False)) == [EVENT]
    assert list(rest) == [EVENT]
