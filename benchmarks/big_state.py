"""A pipeline whose state is large: events that wait for labels which never come."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition

from agents.keys import key_of
from agents.labels.entries import PREFIX as ENTRIES
from agents.labels.entries import Waiting, encode
from agents.labels.join import TIME
from agents.labels.waiting import NAMES
from agents.labels.waiting import PREFIX as ROWS
from agents.packing import pack
from agents.state import State
from app.kafka.admin import ensure_topics
from app.kafka.clients import restore_consumer, transactional_producer
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline, load_pipeline
from app.worker.state.layout import POSITION
from app.worker.state.log import StateLog
from app.worker.state.position import Position
from benchmarks.topics import produce

FEATURES = tuple(f"feature_{i}" for i in range(100))
START = 1_700_000_000_000
"""Milliseconds since 1970: when the first of the waiting events was."""
BESIDES = 60
"""Bytes of a waiting event besides its features: its entry, its two keys."""
AT_ONCE = 50_000
"""Events in a transaction."""


def pipeline_file(name: str, features: int = len(FEATURES)) -> Path:
    """A pipeline of one partition, of which the labels come late."""
    lines = [
        f'name = "{name}"',
        "[events]",
        f'topic = "{name}.events.v1"',
        'id = "id"',
        f"features = {json.dumps(FEATURES[:features])}",
        "[labels]",
        f'topic = "{name}.labels.v1"',
        'label = "label"',
        'expire = "36500d"',
        "max_waiting = 100000000",
        "[predictions]",
        f'topic = "{name}.predictions.v1"',
        "[learner]",
        'type = "passive_aggressive"',
        "[topics]",
        "partitions = 1",
        'retention = "forever"',
    ]
    file = Path(tempfile.mkdtemp()) / "bench.toml"
    file.write_text("\n".join(lines))
    return file


def prepare(bootstrap: str, megabytes: int, features: int = len(FEATURES)) -> tuple[Path, Pipeline]:
    """A pipeline with its topics and so much state, written as a worker writes it."""
    file = pipeline_file(f"bench-{uuid.uuid4().hex[:8]}", features)
    pipeline, kafka = load_pipeline(file), KafkaSettings(bootstrap)
    ensure_topics(pipeline, kafka)
    producer = Producer(transactional_producer(pipeline, kafka, "prepare"))
    producer.init_transactions(30)
    nobody = Consumer(restore_consumer(pipeline, kafka))
    inputs = [pipeline.events.topic, pipeline.labels.topic if pipeline.labels else ""]
    offsets = [TopicPartition(topic, 0, 0) for topic in inputs]
    count = megabytes * 1_000_000 // (8 * features + BESIDES)
    for rows in _transactions(inputs, count, features):
        producer.begin_transaction()
        for key, value in rows:
            produce(producer, pipeline.state_topic, value, key)
        producer.send_offsets_to_transaction(offsets, nobody.consumer_group_metadata(), 30)
        producer.commit_transaction(60)
    nobody.close()
    return file, pipeline


def _transactions(
    inputs: list[str], count: int, features: int
) -> Iterator[list[tuple[bytes, bytes | None]]]:
    """The records of the state of so many waiting events, transaction by transaction."""
    state, row = State(), bytes(8 * features)
    log = StateLog(state.store)
    state.put(NAMES, pack(FEATURES[:features]))
    state.put(TIME, msgspec.msgpack.encode(START + count))
    ids = iter(range(count))
    while some := list(islice(ids, AT_ONCE)):
        for i in some:
            state.put(key_of(ENTRIES, f"waiting-{i}"), encode(Waiting(START + i, {})))
            state.put(key_of(ROWS, f"waiting-{i}"), row)
        rows = log.rows(state.changes())
        offsets = dict.fromkeys(inputs, 0)
        position = Position(offsets, checksum=state.checksum, extent=log.extent)
        yield rows + log.large(POSITION, position.encode())
