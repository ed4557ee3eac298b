"""A worker that cannot keep the promise leaves with code 1 and one clear line."""

from __future__ import annotations

from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from tests.kafka.running import Stream, WorkerProcess, stream, synthetic, workers

LEARNER = {"type": "passive_aggressive", "C": 0.01}


def a_stream_that_was_processed(kafka: str, folder: Path, name: str) -> Stream:
    pipeline = stream(kafka, folder, name, LEARNER)
    pipeline.send(0, synthetic(1, 100))
    with workers(pipeline, None) as (worker,):
        pipeline.predictions()
        assert worker.stop() == 0
    return pipeline


def refused(worker: WorkerProcess) -> str:
    """The last line of a worker that left with code 1."""
    assert worker.process.wait(30) == 1
    assert "Traceback" not in worker.log
    return worker.log.strip().splitlines()[-1]


def test_a_learner_with_other_parameters_than_the_state_is_refused(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    pipeline = a_stream_that_was_processed(kafka, tmp_path, topic_name)
    with workers(pipeline, "b", **{"learner.C": "0.5"}) as (worker,):
        line = refused(worker)
    assert f"{topic_name}.state.v1[0]" in line
    assert "C" in line
    assert "0.01" in line
    assert "0.5" in line


def test_offsets_that_somebody_moved_are_refused(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    pipeline = a_stream_that_was_processed(kafka, tmp_path, topic_name)
    mover = Consumer({"bootstrap.servers": kafka, "group.id": topic_name})
    topic = pipeline.pipeline.events.topic
    mover.commit(offsets=[TopicPartition(topic, 0, 40)], asynchronous=False)
    mover.close()
    with workers(pipeline, "b") as (worker,):
        line = refused(worker)
    assert f"{topic}[0]" in line
    assert "offset 100" in line
    assert "is 40" in line


def test_a_second_worker_of_the_same_name_takes_over_and_the_first_leaves(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    pipeline = a_stream_that_was_processed(kafka, tmp_path, topic_name)
    with workers(pipeline, "a") as (first,):
        pipeline.send(0, synthetic(2, 100))
        pipeline.predictions()
        with workers(pipeline, "a") as (second,):
            assert first.process.wait(60) == 1
            pipeline.send(0, synthetic(3, 100))
            pipeline.predictions()
            assert second.stop() == 0
