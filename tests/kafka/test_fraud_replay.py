"""A simulation comes to Kafka with the times of its events, keyed by the card."""

from pathlib import Path

import msgspec
import pytest

from app.kafka.clients import replay_producer
from app.kafka.settings import KafkaSettings
from app.pipeline.load import load_pipeline
from app.replay.base import LateLabels
from app.replay.replay import replay
from app.replay.sources import open_source
from tests.kafka.support import create_topic, read_committed

PIPELINES = Path(__file__).parents[2] / "pipelines"
PHISHING = PIPELINES / "phishing.toml"


def test_a_simulation_arrives_with_its_cards_as_keys_and_its_own_times(
    kafka: str, topic_name: str
) -> None:
    create_topic(kafka, topic_name, 1)
    to = load_pipeline(PHISHING, {"events.topic": topic_name}, {})
    source = open_source("live:cards=100,days=2", to.events.id, to.events.label)
    progress = replay(to, source, replay_producer(KafkaSettings(kafka)))
    records = read_committed(kafka, topic_name)
    values = [msgspec.json.decode(record.value() or b"") for record in records]
    assert values == [event.fields for event in source.read()]
    assert progress.delivered == len(records) > 100
    for record, value in zip(records, values, strict=True):
        assert record.key() == value["card"].encode()
        assert record.timestamp()[1] == value["time"] * 1000


@pytest.mark.parametrize("format", ["json", "msgpack"])
def test_labels_arrive_on_their_own_topic_beside_their_events(
    kafka: str, topic_name: str, format: str
) -> None:
    topics = {"events": f"{topic_name}.events", "labels": f"{topic_name}.labels"}
    for topic in topics.values():
        create_topic(kafka, topic, 3, retention_ms="-1")
    overrides = {f"{table}.topic": topic for table, topic in topics.items()}
    to = load_pipeline(PIPELINES / "fraud.toml", overrides | {"labels.format": format}, {})
    late = LateLabels("id", "fraud", None, 86_400)
    source = open_source("live:cards=100,days=2", "id", None, late)
    progress = replay(to, source, replay_producer(KafkaSettings(kafka)))
    events, labels = (read_committed(kafka, topic) for topic in topics.values())
    assert (progress.delivered, progress.labels) == (2 * len(events), len(labels))
    decode = msgspec.json.decode if format == "json" else msgspec.msgpack.decode
    told = {value["id"]: (value, r) for r in labels if (value := decode(r.value() or b""))}
    assert len(told) == len(labels) == len(events) > 100
    for record in events:
        event = msgspec.json.decode(record.value() or b"")
        value, label = told[event["id"]]
        assert label.key() == record.key() == event["card"].encode()
        assert label.partition() == record.partition()
        assert label.timestamp()[1] == record.timestamp()[1] + 86_400_000
        assert type(value["fraud"]) is bool
