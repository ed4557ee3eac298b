"""What a worker must refuse: input of another topic, a model of another learner."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing, suppress
from functools import partial

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from app.kafka.reading import reading
from tests.chaos.cases import Case
from tests.chaos.parts import part
from tests.chaos.scene import Running, Scene
from tests.chaos.traffic import Traffic
from tests.chaos.verdict import lag
from tests.kafka.running import wait_until
from tests.kafka.support import create_topic


def half_done(running: Running) -> None:
    """A worker has read some events, and has stopped."""
    member = running.crew.start("a")
    running.traffic.send(600)
    running.crew.wait(partial(running.watcher.has, 590), "predictions")
    running.crew.wait(lambda: not lag(running.case), "the end of the input")
    assert running.crew.dismiss(member) == 0


def refuses(running: Running) -> None:
    """A worker leaves with 1, and says why in a line."""
    member = running.crew.start("a")
    member.supervised = False
    assert member.await_death(60) == 1
    assert "riverrun: " in member.since_start
    assert "Traceback" not in member.since_start
    running.crew.members.remove(member)
    member.close()


def move_offsets(case: Case, offsets: Mapping[int, int | None]) -> None:
    """Set the group's offsets, which Kafka forgets with a topic, to where they were."""
    topic, group = case.stream.pipeline.events.topic, case.stream.pipeline.group
    places = [TopicPartition(topic, n, at) for n, at in offsets.items() if at is not None]
    consumer = Consumer({"bootstrap.servers": case.stream.bootstrap, "group.id": group})

    def moved() -> bool:
        """Once the group has no member any more: one that left in a hurry is still known."""
        with suppress(KafkaException):
            consumer.commit(offsets=places, asynchronous=False)
            return True
        return False

    with closing(consumer):
        wait_until(moved, what="the end of the last member")


@part(short=False)
def topic_made_again(scene: Scene) -> None:
    """The events topic is deleted and made again, with more events than before."""
    case = scene.plain(poison=0.0)
    topic = case.stream.pipeline.events.topic
    with scene.running(case, rate=0.0) as running:
        half_done(running)
        with reading(case.stream.pipeline, case.stream.kafka) as reader:
            committed = reader.committed(topic)
        admin = AdminClient({"bootstrap.servers": case.stream.bootstrap})
        admin.delete_topics([topic])[topic].result(30)
        wait_until(lambda: topic not in admin.list_topics(timeout=10).topics, what="its end")
        create_topic(case.stream.bootstrap, topic, case.partitions, retention_ms="-1")
        case.seed += 1
        again = Traffic(case, 0.0)
        again.send(1_200)
        again.stop()
        refuses(running)
        move_offsets(case, committed)
        refuses(running)
        running.verdict("the events topic deleted and made again", 1, all_read=False)


@part(short=False)
def other_learner(scene: Scene) -> None:
    """The pipeline file has another learner than the saved model, then the same again."""
    case = scene.plain()
    file = case.stream.file
    text = file.read_text()
    with scene.running(case, rate=100.0) as running:
        half_done(running)
        file.write_text(text.replace("C = 0.01", "C = 0.5"))
        running.traffic.start()
        refuses(running)
        file.write_text(text)
        running.crew.start("a")
        running.crew.rest(5.0)
        running.verdict("a model of another learner than the file's", 1)
