"""What a stage hands on comes to the same partitions in the same order, by Kafka or at once."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import Message, murmur2

from agents.dead_letter_format import DeadLetterFormat
from agents.forwarded import Forwarded
from agents.operations import Operations, ParsedEvent
from agents.outputs import Outputs
from agents.sources.forwarded import ForwardedSource
from app.kafka.partitions import TP
from app.worker.handover import Handover
from topics.codecs import Codec
from topics.records import Batch

INNER = "p.by-shop.v1"
RECORD: Any = Message(topic="cards", partition=0, offset=7, value=b"{}", timestamp=(1, 5))


def outputs(*places: int, shop: str = "s") -> Outputs:
    """Of a batch whose events have these places; their ids say which is which."""
    rows = [ParsedEvent(n, 5, {"shop": shop}, RECORD).row() for n in range(len(places))]
    operations = Operations.of(rows, [RECORD for _ in rows], places)
    return Outputs(forwarded=Forwarded(INNER, [shop] * len(rows), operations))


@pytest.fixture
def handover() -> Handover:
    """Of a worker that has four partitions of each stage."""
    return Handover({INNER: 4}, at_once=True)


def test_what_several_batches_of_a_round_hand_on_is_in_the_order_of_places(
    handover: Handover,
) -> None:
    first, second = outputs(0, 3), outputs(1, 2)
    handover.accept(first)
    handover.accept(second)
    ((_, operations),) = handover.take()
    assert operations.places.tolist() == [0, 1, 2, 3]
    assert operations.ids == [0, 0, 1, 1]
    assert first.forwarded is None
    assert not first.others
    assert not handover.take()


def test_a_record_that_hands_on_several_things_keeps_their_order(handover: Handover) -> None:
    handover.accept(outputs(4, 4, 2))
    ((_, operations),) = handover.take()
    assert operations.ids == [2, 0, 1]


def test_partitions_are_those_of_javas_clients(handover: Handover) -> None:
    # Of Kafka's own UtilsTest: murmur2 of "21" is -973932308, of "a-little-bit-long-string"
    # -985981536, of "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8" -58897971.
    hashes = {
        "21": -973932308,
        "a-little-bit-long-string": -985981536,
        "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    }
    for shop, hashed in hashes.items():
        handover.accept(outputs(0, shop=shop))
        ((tp, _),) = handover.take()
        assert tp == TP(INNER, (hashed & 0x7FFFFFFF) % 4)


def test_nothing_goes_to_a_partition_for_which_there_is_nothing(handover: Handover) -> None:
    handover.accept(outputs())
    assert not handover.take()


def test_with_others_a_round_goes_by_kafka_as_a_record_for_each_partition() -> None:
    handover, sent = Handover({INNER: 4}), [outputs(3, 8), outputs(5), outputs(4, shop="t")]
    for one in sent:
        handover.accept(one)
    assert not any(one.others or one.forwarded for one in sent)
    records = handover.records()
    assert [(r.topic, r.key, r.partition, r.place) for r in records] == [
        (INNER, None, murmur2(b"s", 4), 3),
        (INNER, None, murmur2(b"t", 4), 4),
    ]
    source = ForwardedSource(DeadLetterFormat(Codec("json")))
    read, _ = source.read(Batch(INNER, 0, [Message(INNER, 0, 0, None, records[0].value)]))
    assert read.ids == [0, 0, 1]
    assert not handover.records()


def test_what_waits_is_forgotten_with_its_round(handover: Handover) -> None:
    handover.accept(outputs(0))
    handover.forget()
    assert not handover.take()
