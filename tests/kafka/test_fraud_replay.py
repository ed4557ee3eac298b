"""A simulation comes to Kafka with the times of its events, keyed by the card."""

from pathlib import Path

import msgspec

from app.kafka.settings import KafkaSettings
from app.pipeline.load import load_pipeline
from app.replay.replay import PRODUCER, replay
from app.replay.sources import open_source
from tests.kafka.support import create_topic, read_committed

PHISHING = Path(__file__).parents[2] / "pipelines" / "phishing.toml"


def test_a_simulation_arrives_with_its_cards_as_keys_and_its_own_times(
    kafka: str, topic_name: str
) -> None:
    create_topic(kafka, topic_name, 1)
    to = load_pipeline(PHISHING, {"events.topic": topic_name}, {})
    source = open_source("live:cards=100,days=2", to.events.id, to.events.label)
    progress = replay(to, source, KafkaSettings(kafka).producer(PRODUCER))
    records = read_committed(kafka, topic_name)
    values = [msgspec.json.decode(record.value() or b"") for record in records]
    assert values == [event.fields for event in source.read()]
    assert progress.delivered == len(records) > 100
    for record, value in zip(records, values, strict=True):
        assert record.key() == value["card"].encode()
        assert record.timestamp()[1] == value["time"] * 1000
