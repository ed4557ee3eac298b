"""Inputs as Kafka really has them: transactions, gaps, ends, losses, other partitions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from app.kafka.admin import ensure_topics
from app.kafka.settings import KafkaSettings
from app.pipeline.load import load_pipeline
from tests.kafka.running import (
    Stream,
    assert_equal_to_bare_loop,
    bare_loop,
    pipeline_file,
    stream,
    synthetic,
    wait_until,
    workers,
)
from tests.kafka.support import create_topic, read_committed
from topics.dead_letters import reason

LEARNER = {"type": "passive_aggressive", "C": 0.01}


def test_only_committed_events_are_learned_and_gaps_of_offsets_do_no_harm(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    pipeline = stream(kafka, tmp_path, topic_name, LEARNER)
    producer = Producer({"bootstrap.servers": kafka, "transactional.id": topic_name})
    producer.init_transactions(30)
    kept = []
    with workers(pipeline, "a") as (worker,):
        for i in range(40):
            events = synthetic(i, 25)
            producer.begin_transaction()
            for event in events:
                producer.produce(pipeline.pipeline.events.topic, json.dumps(event), partition=0)
            if i % 4 == 3:
                producer.flush(30)
                producer.abort_transaction(30)
            else:
                producer.commit_transaction(30)
                kept += events
            if i == 20:
                worker.kill()
                worker.start()
        records = read_committed(kafka, pipeline.pipeline.predictions.topic, len(kept))
        assert worker.stop() == 0
    said = [json.loads(record.value() or b"") for record in records]
    assert [p["id"] for p in said] == [event["id"] for event in kept]
    expected, model = bare_loop(LEARNER, kept)
    assert [(p["prediction"], p["score"]) for p in said] == expected
    pipeline.events[0].extend(kept)
    assert pipeline.models()[0].fingerprint() == model.fingerprint()


def test_input_that_was_deleted_before_it_was_read_is_told_and_not_skipped(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    pipeline = stream(kafka, tmp_path, topic_name, LEARNER)
    pipeline.send(0, synthetic(0, 100))
    with workers(pipeline, "a") as (worker,):
        pipeline.predictions()
        assert worker.stop() == 0
        pipeline.send(0, synthetic(1, 100))
        place = TopicPartition(pipeline.pipeline.events.topic, 0, 150)
        admin = AdminClient({"bootstrap.servers": kafka})
        admin.delete_records([place])[place].result(30)
        worker.start()
        assert worker.process.wait(30) == 1
    (line,) = [line for line in worker.log.splitlines() if line.startswith("riverrun:")]
    assert f"{place.topic}[0]" in line
    assert "deleted before they were read" in line


def test_a_start_at_the_latest_stays_where_it_began(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    pipeline = stream(kafka, tmp_path, topic_name, LEARNER, worker={"start": "latest"})
    pipeline.send(0, synthetic(0, 100))
    with workers(pipeline, "a") as (worker,):
        wait_until(lambda: "partitions [0]" in worker.log, what="the assignment")
        worker.kill()
        events = synthetic(1, 50)
        pipeline.send(0, events)
        worker.start()
        records = read_committed(kafka, pipeline.pipeline.predictions.topic, 50)
        assert worker.stop() == 0
    assert [json.loads(r.value() or b"")["id"] for r in records] == [e["id"] for e in events]
    assert pipeline.models()[0].fingerprint() == bare_loop(LEARNER, events)[1].fingerprint()


def test_predictions_may_have_other_partitions_than_events(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    file = pipeline_file(tmp_path, topic_name, LEARNER, 2)
    said = load_pipeline(file)
    create_topic(kafka, said.predictions.topic, 3)
    ensure_topics(said, KafkaSettings(kafka, {}))
    pipeline = Stream(kafka, file, said, [[], []])
    for partition in (0, 1):
        pipeline.send(partition, synthetic(partition, 300))
    with workers(pipeline, "a") as (worker,):
        assert_equal_to_bare_loop(pipeline, LEARNER)
        assert worker.stop() == 0
    records = read_committed(kafka, said.predictions.topic)
    assert {record.partition() for record in records} == {0, 1, 2}


def test_more_workers_than_partitions_wait_and_take_over(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    pipeline = stream(kafka, tmp_path, topic_name, LEARNER, worker={"session_timeout": "6s"})
    pipeline.send(0, synthetic(0, 300))
    with workers(pipeline, None, None) as pair:
        wait_until(lambda: all("partitions [" in w.log for w in pair), what="both assignments")
        pipeline.predictions()
        busy = next(w for w in pair if w.log.rstrip().rsplit("partitions ")[-1][:3] == "[0]")
        busy.kill()
        pipeline.send(0, synthetic(1, 300))
        assert_equal_to_bare_loop(pipeline, LEARNER)
        (spare,) = (w for w in pair if w is not busy)
        assert spare.stop() == 0


@pytest.mark.parametrize("fault", ["key", "id"])
def test_an_event_whose_prediction_would_not_fit_is_one_dead_letter(
    kafka: str, tmp_path: Path, topic_name: str, fault: str
) -> None:
    pipeline = stream(kafka, tmp_path, topic_name, LEARNER)
    good = synthetic(0, 20)
    huge = {"key": b"k" * 10_000_000, "id": b"k"}[fault]
    bad = {**good[0], "id": "x" * 990_000 if fault == "id" else "bad"}
    values = [(b"k" * 200_000, json.dumps(good[0]).encode()), (huge, json.dumps(bad).encode())]
    if fault == "id":
        values[1] = (b"k" * 90_000, values[1][1])
    values += [(b"k", json.dumps(e).encode()) for e in good[1:]]
    producer = Producer({"bootstrap.servers": kafka, "message.max.bytes": 20_000_000})
    for key, value in values:
        producer.produce(pipeline.pipeline.events.topic, value, key, 0)
    assert producer.flush(30) == 0
    with workers(pipeline, "a") as (worker,):
        (letter,) = read_committed(kafka, pipeline.pipeline.dead_letter_topic, 1)
        records = read_committed(kafka, pipeline.pipeline.predictions.topic, len(good))
        assert worker.stop() == 0
    why = reason(cast(Any, letter.headers()))
    assert (why.offset, why.stage) == (1, "validate")
    assert fault in why.message
    assert [json.loads(r.value() or b"")["id"] for r in records] == [e["id"] for e in good]
