"""Reading a topic of which the beginning is deleted."""

from __future__ import annotations

from pathlib import Path

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from app.kafka.settings import KafkaSettings
from app.options import reading
from app.pipeline.load import load_pipeline
from tests.kafka.support import create_topic, produce

PHISHING = Path(__file__).parents[2] / "pipelines" / "phishing.toml"


def test_a_read_from_what_was_deleted_begins_with_what_is_there(
    kafka: str, topic_name: str
) -> None:
    create_topic(kafka, topic_name)
    produce(kafka, topic_name, [(b"k", b"%d" % n) for n in range(10)])
    admin = AdminClient({"bootstrap.servers": kafka})
    for deleted in admin.delete_records([TopicPartition(topic_name, 0, 5)]).values():
        deleted.result(timeout=30)
    pipeline = load_pipeline(PHISHING, environ={})
    with reading(pipeline, KafkaSettings(kafka)) as reader:
        found = [record.value() for record in reader.read(topic_name, {0: 2})]
    assert found == [b"5", b"6", b"7", b"8", b"9"]
