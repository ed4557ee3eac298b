"""What fails for good ends the worker with 1 and one line that says why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.kafka.admin import ensure_topics
from app.kafka.settings import KafkaSettings
from app.pipeline.load import load_pipeline
from tests.kafka.running import Stream, pipeline_file, stream, synthetic, workers
from tests.kafka.support import create_topic

LEARNER = {"type": "passive_aggressive", "C": 0.01}


def test_a_transaction_that_is_rolled_back_again_and_again_is_not_tried_for_ever(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    file = pipeline_file(tmp_path, topic_name, LEARNER, 1)
    said = load_pipeline(file)
    create_topic(kafka, said.predictions.topic, 1, max_message_bytes="100")
    ensure_topics(said, KafkaSettings(kafka, {}))
    pipeline = Stream(kafka, file, said, [[]])
    pipeline.send(0, synthetic(0, 50))
    with workers(pipeline, "a") as (worker,):
        assert worker.process.wait(120) == 1
        assert "MSG_SIZE_TOO_LARGE" in worker.log.splitlines()[-1]
        assert len(worker.log.splitlines()) < 25


def test_a_start_that_kafka_refuses_is_told(kafka: str, tmp_path: Path, topic_name: str) -> None:
    worker_table = {"transaction_timeout": "10h"}
    pipeline = stream(kafka, tmp_path, topic_name, LEARNER, worker=worker_table)
    with workers(pipeline, "a") as (worker,):
        assert worker.process.wait(120) == 1
        (line,) = worker.log.splitlines()[-1:]
    assert line.startswith("riverrun: could not begin with transactions: INVALID_TRANSACTION_TIME")


@pytest.mark.long
def test_a_learner_that_hangs_ends_the_worker_and_its_records_are_named(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    pipeline = stream(
        kafka,
        tmp_path,
        topic_name,
        {"type": "tests.kafka.learners:Stuck"},
        snapshots={"allow": ["tests.kafka.learners"]},
        worker={"processing_timeout": "2s"},
    )
    events = synthetic(0, 30)
    events[20]["x0"] = 13.0
    pipeline.send(0, events)
    with workers(pipeline, "a") as (worker,):
        assert worker.process.wait(60) == 1
        said = worker.log.splitlines()[-1]
    found = re.search(
        rf"processing {re.escape(topic_name)}\.events\.v1\[0\]@(\d+)\.\.(\d+): ", said
    )
    assert found, said
    assert int(found[1]) <= 20 <= int(found[2])
    assert "has not ended after 2 s" in said
