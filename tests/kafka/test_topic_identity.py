"""A topic is the one that it was: one that was deleted, made again or grown is told by its name."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from app.kafka.identity import Identity, identities
from tests.kafka.running import Stream, WorkerProcess, stream, synthetic, wait_until, workers
from tests.kafka.support import create_topic

LEARNER = {"type": "passive_aggressive", "C": 0.01}
GENEROUS = 60.0
"""Seconds; a quiet machine needs 3 to 6."""


def drop(kafka: str, topic: str) -> None:
    """Delete a topic, and wait until it is gone."""
    admin = AdminClient({"bootstrap.servers": kafka})
    admin.delete_topics([topic])[topic].result(30)
    wait_until(lambda: identities(admin, [topic], 10)[topic] is None, what="the deletion")


def make_again(kafka: str, topic: str, partitions: int = 1) -> None:
    drop(kafka, topic)
    create_topic(kafka, topic, partitions)


def identity(admin: AdminClient, topic: str) -> Identity:
    """Of a topic that may have been made just now."""
    found: list[Identity] = []

    def there() -> bool:
        now = identities(admin, [topic], 10)[topic]
        found.extend([now] if now else [])
        return bool(found)

    wait_until(there, what=topic)
    return found[0]


def left(worker: WorkerProcess) -> str:
    """The line of a worker that leaves by itself with code 1."""
    assert worker.process.wait(GENEROUS) == 1
    assert "Traceback" not in worker.log
    return next(line for line in worker.log.splitlines() if line.startswith("riverrun: "))


@pytest.fixture
def here(kafka: str, tmp_path: Path, topic_name: str) -> Stream:
    """A pipeline with 100 events."""
    made = stream(kafka, tmp_path, topic_name, LEARNER)
    made.send(0, synthetic(1, 100))
    return made


def test_a_topic_has_another_id_when_it_is_made_again(kafka: str, topic_name: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka})
    create_topic(kafka, topic_name, 2)
    before = identity(admin, topic_name)
    make_again(kafka, topic_name)
    after = identity(admin, topic_name)
    assert (before.partitions, after.partitions) == (2, 1)
    assert before.id != after.id


def test_an_events_topic_that_was_made_again_is_refused_at_the_next_start(here: Stream) -> None:
    topic = here.pipeline.events.topic
    with workers(here, "a") as (worker,):
        here.predictions()
        assert worker.stop() == 0
        make_again(here.bootstrap, topic)
        here.send(0, synthetic(2, 150))  # more than before: the old offset is there
        worker.start()
        line = left(worker)
    assert f"topic {topic} was deleted and created again" in line
    assert "offset 100" in line
    assert "Set the group's offset" not in line


@pytest.mark.parametrize("table", ["events", "predictions", "state", "dead-letters"])
def test_a_topic_that_goes_while_a_worker_runs_is_told_by_its_name(
    here: Stream, table: str
) -> None:
    topic = f"{here.pipeline.name}.{table}.v1"
    with workers(here, "a") as (worker,):
        here.predictions()
        wait_until(lambda: "partitions [0]" in worker.log, what="the assignment")
        time.sleep(3)  # it has looked once
        drop(here.bootstrap, topic)
        if table != "events":
            here.send(0, synthetic(2, 20))
        line = left(worker)
    assert f"topic {topic} is gone" in line


def test_a_topic_that_is_made_again_while_a_worker_runs_is_told(here: Stream) -> None:
    topic = here.pipeline.events.topic
    with workers(here, "a") as (worker,):
        here.predictions()
        make_again(here.bootstrap, topic)
        here.send(0, synthetic(2, 150))
        line = left(worker)
    assert f"topic {topic}" in line
    assert "deleted" in line


@pytest.mark.parametrize("table", ["events", "state"])
def test_partitions_that_are_added_while_a_worker_runs_are_told(here: Stream, table: str) -> None:
    topic = f"{here.pipeline.name}.{table}.v1"
    with workers(here, "a", **{"kafka.topic.metadata.refresh.interval.ms": "1000"}) as (worker,):
        here.predictions()
        admin = AdminClient({"bootstrap.servers": here.bootstrap})
        admin.create_partitions([NewPartitions(topic, 4)])[topic].result(30)
        line = left(worker)
    assert f"topic {topic} has 4 partitions by now, the pipeline was made with 1" in line
    assert "go back to the old number" not in line
