"""Reading a topic of which the beginning is deleted, or that is not there."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from app.kafka.reading import ReadError, reading
from app.kafka.settings import KafkaSettings
from app.local_kafka import LocalKafka
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


def test_to_ask_for_a_topic_does_not_create_it(tmp_path: Path) -> None:
    """A broker that makes topics by itself would choose how many partitions it has."""
    with LocalKafka(tmp_path, config={"auto.create.topics.enable": "true"}) as broker:
        pipeline, kafka = load_pipeline(PHISHING, environ={}), KafkaSettings(broker.bootstrap)
        with reading(pipeline, kafka) as reader, pytest.raises(ReadError, match="nowhere: Broker"):
            reader.ends("nowhere")
        time.sleep(1.0)  # a broker answers before it has made a topic
        topics = AdminClient({"bootstrap.servers": broker.bootstrap}).list_topics(timeout=30).topics
        assert "nowhere" not in topics
