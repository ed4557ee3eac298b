"""What a stage hands on comes to the same partitions in the same order, by Kafka or at once."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import Message

from agents.outputs import Outputs
from agents.relay import Handed, RelayedEvent
from app.worker.fetching import TP
from app.worker.handover import Handover
from topics.records import Source

INNER = "p.by-shop.v1"
RECORD: Any = Message(topic="cards", partition=0, offset=7, value=b"{}", timestamp=(1, 5))


def handed(place: int, shop: str = "s") -> Handed:
    event = RelayedEvent(place, 5, {"shop": shop}, b"k", Source("cards", 0, 7))
    return Handed(INNER, shop.encode(), event, place, RECORD)


@pytest.fixture
def handover() -> Handover:
    """Of a worker that has four partitions of each stage."""
    made = Handover({INNER: 4})
    made.at_once = True
    return made


def test_what_several_batches_of_a_round_hand_on_is_in_the_order_of_places(
    handover: Handover,
) -> None:
    first, second = Outputs(handed=[handed(0), handed(3)]), Outputs(handed=[handed(1), handed(2)])
    handover.accept(first)
    handover.accept(second)
    (records,) = handover.take().values()
    assert [one.place for one in records] == [0, 1, 2, 3]
    assert not first.handed
    assert not first.others
    assert not handover.take()


def test_a_record_that_hands_on_several_things_keeps_their_order(handover: Handover) -> None:
    drop, event = handed(4), handed(4)
    handover.accept(Outputs(handed=[drop, event, handed(2)]))
    (records,) = handover.take().values()
    assert records[1] is drop
    assert records[2] is event


def test_partitions_are_those_of_javas_clients(handover: Handover) -> None:
    # Of Kafka's own UtilsTest: murmur2 of "21" is -973932308, of "a-little-bit-long-string"
    # -985981536, of "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8" -58897971.
    hashes = {
        "21": -973932308,
        "a-little-bit-long-string": -985981536,
        "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    }
    for shop, hashed in hashes.items():
        handover.accept(Outputs(handed=[handed(0, shop)]))
        assert list(handover.take()) == [TP(INNER, (hashed & 0x7FFFFFFF) % 4)]


def test_with_others_all_goes_by_kafka() -> None:
    handover, outputs = Handover({INNER: 4}), Outputs(handed=[handed(3)])
    handover.accept(outputs)
    assert [(one.topic, one.key, one.place) for one in outputs.others] == [(INNER, b"s", 3)]
    assert not outputs.handed
    assert not handover.take()


def test_what_waits_is_forgotten_with_its_round(handover: Handover) -> None:
    handover.accept(Outputs(handed=[handed(0)]))
    handover.forget()
    assert not handover.take()
