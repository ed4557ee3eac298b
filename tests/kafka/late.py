"""Pipelines whose labels come late, for the tests with a broker: sent with times of their own."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from confluent_kafka import Message, Producer

from agents.labels.entries import PREFIX, Waiting, decode
from app.inspection import read_states
from app.kafka.admin import ensure_topics
from app.kafka.reading import Reader, reading
from app.kafka.settings import KafkaSettings
from app.pipeline.load import load_pipeline
from app.pipeline.models import new_model
from app.pipeline.stages import stages
from app.worker.state.layout import MODEL, POSITION
from app.worker.state.position import Position
from learners.saved import snapshots
from tests.kafka.running import Stream, wait_until
from tests.kafka.support import read_committed
from topics.dead_letters import DeadLetterReason, reason
from topics.records import Headers

START = 1_699_920_000_000
"""Milliseconds: when the streams of the tests begin; a midnight (UTC)."""

TABLES = """\
name = "{name}"
[events]
topic = "{name}.events.v1"
id = "id"
key = "card"
{events}
[labels]
topic = "{name}.labels.v1"
label = "y"
{labels}
[predictions]
topic = "{name}.predictions.v1"
[topics]
partitions = {partitions}
retention = "forever"
[worker]
commit_interval = "30ms"
max_batch = 200
[learner]
type = "{learner}"
{more}
"""


class Sent(NamedTuple):
    """A record: what it says, when, and where to; bytes are sent as they are."""

    time: int
    value: Any
    partition: int = 0
    key: bytes | None = None


def late(
    bootstrap: str,
    folder: Path,
    name: str,
    learner: str,
    more: str = "scale = true",
    *,
    partitions: int = 1,
    events: str = "",
    labels: str = "",
) -> Stream:
    """A pipeline with its topics; `more` follows the learner's type, tables too."""
    file = folder / f"{name}.toml"
    file.write_text(
        TABLES.format(
            name=name,
            learner=learner,
            more=more.replace("NAME", name),
            partitions=partitions,
            events=events,
            labels=labels,
        )
    )
    pipeline = load_pipeline(file)
    ensure_topics(pipeline, KafkaSettings(bootstrap, {}))
    return Stream(bootstrap, file, pipeline, [[] for _ in range(partitions)])


def send(stream: Stream, topic: str, records: Iterable[Sent]) -> None:
    """Write records with their times, in this order."""
    producer = Producer(
        {"bootstrap.servers": stream.bootstrap, "linger.ms": 5, "message.max.bytes": 2_000_000}
    )
    for time_, value, partition, key in records:
        data = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
        producer.produce(topic, data, key, partition, timestamp=START + time_)
        producer.poll(0)
    assert producer.flush(30) == 0


def send_all(
    stream: Stream, events: Sequence[Sent], labels: Sequence[Sent], seed: int | None = None
) -> None:
    """Events, then labels; with a seed in pieces of both topics that arrive in any order."""
    if stream.pipeline.labels is None:
        raise ValueError("no labels")
    topics = stream.pipeline.events.topic, stream.pipeline.labels.topic
    if seed is None:
        send(stream, topics[0], events)
        send(stream, topics[1], labels)
        return
    draw, left = random.Random(seed), [list(labels), list(events)]
    while any(left):
        which = draw.randrange(2)
        count = draw.randrange(1, 120)
        send(stream, topics[1 - which], left[which][:count])
        del left[which][:count]


def wait_for_all(stream: Stream, within: float = 90.0) -> None:
    """Until nothing is left to be read of any topic."""
    first, *later = stages(stream.pipeline)
    with reading(stream.pipeline, stream.kafka) as reader:
        ends = {topic: reader.ends(topic) for topic in first.inputs}

        def done() -> bool:
            return all(
                (offset or 0) >= ends[topic][partition]
                for topic in ends
                for partition, offset in reader.committed(topic).items()
            ) and not any(_left(reader, topic) for stage in later for topic in stage.inputs)

        wait_until(done, within, "the end of all input")


def _left(reader: Reader, topic: str) -> bool:
    start = {partition: offset or 0 for partition, offset in reader.committed(topic).items()}
    return any(True for _ in reader.read(topic, start))


def consumed(stream: Stream) -> int:
    """How many events are consumed and committed."""
    with reading(stream.pipeline, stream.kafka) as reader:
        return sum(
            offset or 0 for offset in reader.committed(stream.pipeline.events.topic).values()
        )


Said = dict[tuple[int, int], dict[str, Any]]
"""Predictions by partition and offset of their event."""


def said(stream: Stream) -> Said:
    """Every prediction there is; fails where one comes twice."""
    records = read_committed(stream.bootstrap, stream.pipeline.predictions.topic)
    values = [json.loads(record.value() or b"") for record in records]
    found = {(p["source"]["partition"], p["source"]["offset"]): p for p in values}
    assert len(found) == len(values), "a prediction came twice"
    return found


class Letter(NamedTuple):
    """A dead letter: why it is one, its key and value, and its time since the start."""

    why: DeadLetterReason
    key: bytes | None
    value: bytes | None
    time: int


def _reason(record: Message) -> DeadLetterReason:
    return reason(cast(Headers, record.headers() or []))


def dead_letters(stream: Stream) -> list[Letter]:
    """All dead letters, by their coordinates."""
    records = read_committed(stream.bootstrap, stream.pipeline.dead_letter_topic)
    found = [
        Letter(_reason(record), record.key(), record.value(), record.timestamp()[1] - START)
        for record in records
    ]
    return sorted(found, key=lambda letter: letter.why[:3])


def state(stream: Stream, stage: int = -1) -> dict[int, dict[str, bytes]]:
    """What a stage remembers, by partition; of its model the fingerprint alone.

    The places on inner topics are left out: they hang on how many transactions there were.
    """
    with reading(stream.pipeline, stream.kafka) as reader:
        found = read_states(stages(stream.pipeline)[stage].state_topic, reader)
    for entries in found.values():
        if MODEL in entries:
            model = snapshots.load(entries[MODEL], new_model(stream.pipeline))[0]
            entries[MODEL] = model.fingerprint().encode()
        position = Position.decode(entries.pop(POSITION))
        if stage == 0 or len(stages(stream.pipeline)) == 1:
            entries[POSITION] = json.dumps(position.offsets).encode()
    return found


def waiting(entries: Mapping[str, bytes]) -> set[Any]:
    """The ids of the events that have no label yet."""
    labels = {key: value for key, value in entries.items() if key.startswith(PREFIX)}
    return {
        json.loads(key.removeprefix(PREFIX))
        for key, value in labels.items()
        if isinstance(decode(value), Waiting)
    }
