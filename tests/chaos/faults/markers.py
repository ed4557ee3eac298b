"""A commit whose marker has reached the offsets, but not the state yet."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from app.kafka.clients import restore_consumer
from app.kafka.partitions import TP
from app.pipeline.stages import stages
from app.worker.assignment import Assignment
from app.worker.processor import Processor
from app.worker.state.restore import Restored
from app.worker.task_builder import TaskBuilder
from app.worker.tasks import Change
from tests.chaos.cases import Case
from tests.chaos.parts import part
from tests.chaos.scene import Scene
from topics.records import Batch


def change_of(case: Case, partition: int, records: list[Message]) -> Change:
    """What a worker commits that has read these records first."""
    pipeline, topic = case.stream.pipeline, case.stream.pipeline.events.topic
    (stage,), assignment = stages(pipeline), Assignment()
    fresh = {(stage, partition): Restored({}, {topic: None})}
    TaskBuilder(pipeline, {topic: case.partitions}).open(assignment, fresh)
    Processor().process(Batch(topic, partition, records, assignment))
    return assignment.tasks[TP(topic, partition)].take()


def transaction(case: Case, name: str) -> Producer:
    """A producer in the middle of a transaction."""
    made = Producer(
        {"bootstrap.servers": case.stream.bootstrap, "transactional.id": f"{case.seed}/{name}"}
    )
    made.init_transactions(30)
    made.begin_transaction()
    return made


def write(case: Case, producer: Producer, change: Change) -> None:
    """All of a commit but the offsets."""
    topic = case.stream.pipeline.predictions.topic
    for outputs in change.outputs:
        for key, value in outputs.predictions:
            producer.produce(topic, value, key, change.partition)
        for letter in outputs.dead_letters:
            headers: list[Any] = list(letter.headers or [])
            producer.produce(letter.topic, letter.value, letter.key, headers=headers)
    for row, entry in change.state:
        producer.produce(change.state_topic, entry, row, change.partition)
    producer.flush(30)


def commit_offsets(case: Case, changes: list[Change]) -> None:
    """The rest of it, whose marker is there at once."""
    producer = transaction(case, "offsets")
    with closing(Consumer(restore_consumer(case.stream.pipeline, case.stream.kafka))) as nobody:
        offsets = [
            TopicPartition(topic, change.partition, offset)
            for change in changes
            for topic, offset in change.offsets.items()
        ]
        group = nobody.consumer_group_metadata()
        producer.send_offsets_to_transaction(offsets, group, 30)
    producer.commit_transaction(30)


@part(short=False)
def markers(scene: Scene) -> None:
    """The offsets of a commit are to be seen, the state is not yet, and a worker restores."""
    case = scene.plain()
    with scene.running(case, rate=100.0) as running:
        running.traffic.send(400)
        sent = list(running.traffic.stop())
        first = [sorted_of(sent, partition)[:100] for partition in range(case.partitions)]
        changes = [change_of(case, partition, some) for partition, some in enumerate(first)]
        producer = transaction(case, "state")
        for change in changes:
            write(case, producer, change)
        commit_offsets(case, changes)
        member = running.crew.start(None)
        running.crew.wait(member.starts, "the start of the worker")
        running.crew.rest(6.0)
        assert not member.has_partitions()
        producer.commit_transaction(30)
        running.crew.wait(member.has_partitions, "the partitions")
        running.verdict("a commit's marker that reaches the state late", 1)


def sorted_of(sent: list[Message], partition: int) -> list[Message]:
    """The records of a partition, in order."""
    found = [record for record in sent if record.partition() == partition]
    return sorted(found, key=lambda record: record.offset() or 0)
