"""What tests of sinks share: predictions, sinks that are killed, and what must be there."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast

from confluent_kafka import Producer

from app.sinks.columns import Rows
from app.sinks.opening import open_store
from app.sinks.store import SinkError, Store
from tests.app.sinks.contract import Kit
from tests.kafka.running import Stream, WorkerProcess, stream, wait_until
from tests.kafka.support import read_committed
from topics.codecs import Codec
from topics.dead_letters import reason
from topics.records import Prediction

PARTITIONS = 4
COUNT, KILLS = 20_000, 5
PACE = {"batch": 500, "interval": "200ms", "retry": "2s"}
"""Of the long form, against real servers."""
PAUSE = 0.05
"""Seconds between transactions in the long form, so that a member has mostly read something."""
SESSION_SECONDS = 6
LEARNER = {"type": "logistic_regression"}
TRANSACTION = 100
ABORTED = 5
"""One transaction of so many is aborted."""


class SinkProcess(WorkerProcess):
    """A sink in a process of its own, as ``riverrun sink FILE NAME`` starts it."""

    def __init__(self, stream: Stream, sink: str, **settings: str) -> None:
        self._arguments = [
            *("sink", str(stream.file), sink),
            *("--bootstrap-servers", stream.bootstrap),
            *(arg for key, value in settings.items() for arg in ("--set", f"{key}={value}")),
        ]
        self._log = (stream.file.parent / f"sink-{id(self)}.log").open("ab")
        self.start()


@contextmanager
def sinks(stream: Stream, count: int, **settings: str) -> Iterator[list[SinkProcess]]:
    """So many members of the sink `store`; their logs are shown on a failure."""
    started = [SinkProcess(stream, "store", **settings) for _ in range(count)]
    try:
        yield started
    except BaseException:
        for each in started:
            print(f"--- {each._log.name}\n{each.log[-4000:]}")
        raise
    finally:
        for each in started:
            each.close()


def with_sink(bootstrap: str, folder: Path, name: str, **table: Any) -> Stream:
    """A pipeline with the sink `store`, and its topics."""
    options = table.pop("options", {})
    tables = {
        "worker": {"session_timeout": f"{SESSION_SECONDS}s", "processing_timeout": "120s"},
        "sinks.store": table,
        "sinks.store.options": options,
    }
    return stream(bootstrap, folder, name, LEARNER, PARTITIONS, **tables)


def prediction(number: int) -> dict[str, Any]:
    """One of them, by its number; each seventh has less in it."""
    said: dict[str, Any] = {
        "id": f"event {number}",
        "prediction": number % 3 == 0,
        "score": number / 7,
        "model": {"name": "logistic_regression", "version": number},
        "source": {"topic": "events", "partition": number % PARTITIONS, "offset": number},
        "decision": "alert" if number % 100 == 0 else "pass",
        "threshold": 0.5,
        "reasons": [{"feature": "amount", "contribution": 0.25}],
    }
    return said if number % 7 else said | {"score": None, "prediction": None, "reasons": None}


def as_json(said: dict[str, Any]) -> bytes:
    """A prediction as it is on Kafka."""
    return json.dumps(said).encode()


def send(
    bootstrap: str,
    topic: str,
    numbers: range,
    encode: Callable[[dict[str, Any]], bytes] = as_json,
    pause: float = 0.0,
) -> None:
    """Write these predictions in transactions, and some that are aborted.

    Args:
        bootstrap: Of the broker.
        topic: Where to.
        numbers: Of the predictions.
        encode: Makes the value of a record.
        pause: Seconds after each transaction.
    """
    draw, sent = random.Random(numbers.start), numbers.start
    producer = Producer(
        {"bootstrap.servers": bootstrap, "transactional.id": f"{topic}-{sent}", "linger.ms": 5}
    )
    producer.init_transactions(60)
    while sent < numbers.stop:
        aborted = draw.random() < 1 / ABORTED
        size = min(TRANSACTION, numbers.stop - sent)
        producer.begin_transaction()
        for number in range(sent, sent + size):
            said = prediction(number) | ({"id": "aborted"} if aborted else {})
            partition = draw.randrange(PARTITIONS)
            producer.produce(topic, encode(said), b"card %d" % (number % 50), partition)
        if aborted:
            producer.flush()
            producer.abort_transaction()
        else:
            producer.commit_transaction()
            sent += size
        time.sleep(pause)


def committed(stream: Stream) -> dict[tuple[int, int], dict[str, Any]]:
    """What is committed on Kafka, by its coordinates."""
    records = read_committed(stream.bootstrap, stream.pipeline.predictions.topic)
    return {(m.partition() or 0, m.offset() or 0): json.loads(m.value() or b"") for m in records}


class Progress:
    """How far a sink has come, by the positions in its store.

    Args:
        stream: With a sink `store`.
    """

    def __init__(self, stream: Stream) -> None:
        self._pipeline = stream.pipeline
        self._store: Store | None = None

    def positions(self) -> dict[int, int]:
        """By partition; empty while the store is away."""
        try:
            if self._store is None:
                self._store = open_store(self._pipeline, "store")
                self._store.prepare(Rows(Prediction, Codec("json").decoder(Prediction)).columns)
            return dict(self._store.positions(range(PARTITIONS)))
        except SinkError:
            self.close()
            return {}

    def total(self) -> int:
        """The sum of all positions."""
        return sum(self.positions().values())

    def has(self, goals: Mapping[int, int]) -> bool:
        """Whether each partition has come so far."""
        found = self.positions()
        return all(found.get(number, 0) >= at for number, at in goals.items())

    def close(self) -> None:
        """Leave the store."""
        if self._store is not None:
            self._store.close()
            self._store = None


def assert_equal(kit: Kit, stream: Stream) -> None:
    """Rows in the store and committed records are the same, none missing, none double."""
    expected, rows = committed(stream), kit.rows()
    found = {(row["kafka_partition"], row["kafka_offset"]): row for row in rows}
    assert len(rows) == len(found), f"{len(rows) - len(found)} rows are double"
    assert found.keys() == expected.keys(), (
        f"{len(expected.keys() - found.keys())} rows are missing,"
        f" {len(found.keys() - expected.keys())} too many"
    )
    for place, said in expected.items():
        row = found[place]
        assert (row["id"], row["score"]) == (said["id"], said["score"])
        assert row["model_version"] == said["model"]["version"]
        assert row["source_offset"] == said["source"]["offset"]
        assert (None if row["prediction"] is None else json.loads(row["prediction"])) == said[
            "prediction"
        ]


def assert_nothing_was_set_aside(stream: Stream) -> None:
    """Every record is good: a store that refuses one has been given it twice."""
    letters = read_committed(stream.bootstrap, stream.pipeline.rejected_topic("store"))
    assert [reason(cast(Any, letter.headers())) for letter in letters] == []


def _freeze(member: SinkProcess, stream: Stream, done: Progress) -> None:
    """Let a member sleep until others have written what it has read; then it writes that too."""
    time.sleep(0.1)  # in the middle between two of its writes
    member.pause()
    ends = _ends(stream)
    wait_until(lambda: done.has(ends), 240, f"the positions {ends}")
    member.resume()
    time.sleep(1)


def _ends(stream: Stream) -> dict[int, int]:
    """Where a sink stands that has written all, by partition."""
    return {number: at + 1 for number, at in sorted(committed(stream))}


def survives(
    stream: Stream,
    kit: Kit,
    count: int,
    kills: int,
    members: int = 2,
    long: bool = True,
    server: Callable[[], None] | None = None,
) -> None:
    """Kill members of a sink while records come: all of them must be in the store, once.

    Args:
        stream: With a sink `store`.
        kit: Reads the same table.
        count: Of predictions.
        kills: How many members are killed, by kill -9, one after the other.
        members: How many run at a time.
        long: Whether records come slowly, and the first member is frozen before it is killed.
        server: Kills the store's server and starts it again; called once in the middle.
    """
    topic = stream.pipeline.predictions.topic
    words = stream.bootstrap, topic, range(count), as_json, PAUSE if long else 0.0
    sender = threading.Thread(target=send, args=words)
    with closing(Progress(stream)) as done, sinks(stream, members) as running:
        sender.start()
        for number in range(kills):
            goal = count * (number + 1) // (kills + 2)
            wait_until(lambda goal=goal: done.total() >= goal, 240, f"{goal} rows")
            victim = running[number % members]
            if long and number == 0:
                _freeze(victim, stream, done)
            victim.kill()
            if server is not None and number == kills // 2:
                server()
            victim.start()
        sender.join(240)
        ends = _ends(stream)
        wait_until(lambda: done.has(ends), 240, f"the positions {ends}")
        for each in running:
            assert each.stop(60) == 0, each.log
    assert_equal(kit, stream)
    assert_nothing_was_set_aside(stream)
