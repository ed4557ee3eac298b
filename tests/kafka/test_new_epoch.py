"""A broker that was restarted leads its partitions in a new epoch."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from app.kafka.clients import restore_consumer
from app.kafka.reading import Reader
from app.kafka.settings import KafkaSettings
from app.local_kafka import LocalKafka
from app.local_kafka.broker import free_ports
from tests.kafka.running import restorer, stream


def test_states_and_ends_are_read_again_soon_after_the_broker_was_restarted(
    tmp_path: Path, topic_name: str
) -> None:
    with LocalKafka(tmp_path / "kafka", free_ports(None)[0]) as broker:
        made = stream(broker.bootstrap, tmp_path, topic_name, {"type": "arow"}, partitions=2)
        kafka = KafkaSettings(broker.bootstrap)
        with closing(restorer(made.pipeline, kafka)) as restoring:
            reader = Reader(restore_consumer(made.pipeline, kafka), kafka.admin())
            assert restoring.restore([0, 1])
            assert reader.ends(made.pipeline.events.topic) == {0: 0, 1: 0}
            broker.stop()
            broker.start()
            assert restoring.restore([0, 1]), "it would give up after 60 s"
            assert reader.ends(made.pipeline.events.topic) == {0: 0, 1: 0}
            reader.close()
