"""A sink that is killed at any moment loses nothing, and writes nothing twice."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from app.kafka.clients import sink_consumer
from app.sinks.input import Input
from app.sinks.store import SinkError
from tests.app.sinks.kits import Delta, Parquet
from tests.kafka.running import wait_until
from tests.kafka.sinks import survives, with_sink
from tests.kafka.support import produce


@pytest.mark.parametrize("kind", [Parquet, Delta])
def test_kills_lose_and_double_nothing(
    kafka: str, tmp_path: Path, topic_name: str, kind: Any
) -> None:
    kit = kind(tmp_path / "lake")
    pace = {"batch": 200, "interval": "200ms"}
    stream = with_sink(kafka, tmp_path, topic_name, **kit.sink, **pace)

    survives(stream, kit, count=3_000, kills=2, long=False)


def test_positions_that_the_topic_does_not_have_are_said(
    kafka: str, topic_name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stream = with_sink(kafka, tmp_path, topic_name, **Parquet(tmp_path).sink)
    topic = stream.pipeline.predictions.topic
    produce(kafka, topic, [(b"k", b"%d" % n) for n in range(5)], partition=0)
    admin = AdminClient({"bootstrap.servers": kafka})
    admin.delete_records([TopicPartition(topic, 0, 3)])[TopicPartition(topic, 0)].result(60)
    with closing(Input(sink_consumer(stream.pipeline, stream.kafka, "store"), topic)) as source:
        wait_until(lambda: source.poll(0.1, 1) == [] and source.joined, what="the group")

        with pytest.raises(SinkError, match=rf"{topic}\[0\]: the store is at offset 9, .* at 5"):
            source.place({0: 9})
        source.place({0: 1, 1: 0})
        found: list[Any] = []

        def are_read() -> bool:
            found.extend(source.poll(0.1, 10))
            return len(found) > 1

        wait_until(are_read, what="the records")

    assert [record.offset() for record in found] == [3, 4]
    assert f"{topic}[0]: the records from 1 to 2 have expired" in caplog.text
