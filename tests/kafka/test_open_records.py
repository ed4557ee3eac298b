"""Records that a transaction of the past left open: nothing that comes later makes them visible.

A broker whose disk was full lost the marker of one partition. Here the same is made by hand: a
producer of the same transactional id writes a record of a transaction behind the back of the
coordinator, which therefore never ends it.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from app.kafka.clients import transactional_producer
from app.kafka.partitions import TP
from app.worker.output.open_records import OpenRecords
from app.worker.output.transactions import new_transactions
from tests.kafka.running import Stream, stream
from tests.kafka.support import read_committed
from tests.kafka.test_fences import LEARNER, change, member

PRODUCE, INIT_PRODUCER_ID = 0, 22
_CASTAGNOLI = 0x82F63B78


def crc32c(data: bytes) -> int:
    """The checksum of a batch of records (RFC 3720)."""
    found = 0xFFFFFFFF
    for byte in data:
        found ^= byte
        for _ in range(8):
            found = (found >> 1) ^ (_CASTAGNOLI if found & 1 else 0)
    return found ^ 0xFFFFFFFF


def text(value: str) -> bytes:
    return struct.pack(">h", len(value)) + value.encode()


def ask(bootstrap: str, api: int, version: int, body: bytes) -> bytes:
    """One request to a broker; the answer without its head."""
    host, port = bootstrap.rsplit(":", 1)
    frame = struct.pack(">hhi", api, version, 1) + text("behind") + body
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(struct.pack(">i", len(frame)) + frame)
        answer = connection.makefile("rb")
        (size,) = struct.unpack(">i", answer.read(4))
        return answer.read(size)[4:]


def producer_id(bootstrap: str, transactional_id: str) -> tuple[int, int]:
    """Id and epoch of a producer, as its start would get them."""
    deadline = time.monotonic() + 60
    while True:  # until the coordinator is there
        body = text(transactional_id) + struct.pack(">i", 60_000)
        error, number, epoch = struct.unpack(">hqh", ask(bootstrap, INIT_PRODUCER_ID, 1, body)[4:])
        if not error:
            return number, epoch
        assert time.monotonic() < deadline, error
        time.sleep(0.1)


def batch(number: int, epoch: int, value: bytes) -> bytes:
    """A batch of one record, in a transaction."""

    def varint(n: int) -> bytes:
        n, out = n << 1, b""
        while n > 127:
            out, n = out + bytes([n & 127 | 128]), n >> 7
        return out + bytes([n])

    record = b"\0" + varint(0) + varint(0) + varint(1) + b"k" + varint(len(value)) + value + b"\0"
    record = varint(len(record)) + record
    now, is_transactional = int(time.time() * 1000), 16
    head = struct.pack(">hiqqqhii", is_transactional, 0, now, now, number, epoch, 0, 1)
    rest = head + record
    after_length = struct.pack(">ibI", -1, 2, crc32c(rest)) + rest
    return struct.pack(">qi", 0, len(after_length)) + after_length


def leave_open(here: Stream, name: str, topic: str) -> None:
    """A record of the worker `name` on partition 0, which nobody will end."""
    transactional_id = transactional_producer(here.pipeline, here.kafka, name)["transactional.id"]
    records = batch(*producer_id(here.bootstrap, transactional_id), b"said twice")
    body = text(transactional_id) + struct.pack(">hii", -1, 30_000, 1) + text(topic)
    body += struct.pack(">iii", 1, 0, len(records)) + records
    deadline = time.monotonic() + 60
    while True:  # until the broker has heard that it is not to verify
        answer = ask(here.bootstrap, PRODUCE, 7, body)
        (error,) = struct.unpack(">h", answer[4 + 2 + len(topic) + 4 + 4 :][:2])
        if not error:
            return
        assert time.monotonic() < deadline, error
        time.sleep(0.2)


@contextmanager
def unverified(bootstrap: str) -> Iterator[None]:
    """Brokers that do not ask the coordinator whether a record's transaction is open."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    name = "transaction.partition.verification.enable"

    def alter(value: str, how: AlterConfigOpType) -> None:
        for broker in admin.list_topics(timeout=30).brokers:
            entries = [ConfigEntry(name, value, incremental_operation=how)]
            of = ConfigResource(ResourceType.BROKER, str(broker), incremental_configs=entries)
            admin.incremental_alter_configs([of])[of].result(30)

    alter("false", AlterConfigOpType.SET)
    try:
        yield
    finally:
        alter("", AlterConfigOpType.DELETE)


@pytest.fixture
def here(kafka: str, tmp_path: Path, topic_name: str) -> Stream:
    made = stream(kafka, tmp_path, topic_name, LEARNER)
    with unverified(kafka):
        leave_open(made, "a", made.pipeline.predictions.topic)
    return made


def test_what_was_left_open_is_not_committed_by_the_next_transaction(
    here: Stream, caplog: pytest.LogCaptureFixture
) -> None:
    topic = here.pipeline.predictions.topic
    looking = OpenRecords(here.kafka.admin(), [topic, here.pipeline.state_topic, "not.there"])
    assert looking.places() == {TP(topic, 0): 0}
    worker, consumer = new_transactions(here.pipeline, here.kafka, "a"), member(here)
    worker.start()
    assert f"{topic}[0] has records from offset 0 on that no transaction has ended" in caplog.text
    assert not looking.places()
    worker.commit([change(here, 1)], consumer.consumer_group_metadata())
    consumer.close()
    assert [record.value() for record in read_committed(here.bootstrap, topic)] == [b"said"]


def test_what_another_left_open_holds_nobody_up(here: Stream) -> None:
    """It stays invisible; readers of committed records wait before it."""
    worker, consumer = new_transactions(here.pipeline, here.kafka, "b"), member(here)
    worker.start()
    worker.commit([change(here, 1)], consumer.consumer_group_metadata())
    consumer.close()
    topic = here.pipeline.predictions.topic
    assert OpenRecords(here.kafka.admin(), [topic]).places() == {TP(topic, 0): 0}
    assert not read_committed(here.bootstrap, topic, within=5.0)
