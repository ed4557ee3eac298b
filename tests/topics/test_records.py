"""A batch knows what is committed once it is done."""

from __future__ import annotations

from confluent_kafka import Message

from topics.records import Batch


def test_the_next_offset_follows_the_last_record_whatever_gaps_there_are() -> None:
    records = [Message(topic="t", partition=0, offset=at, value=b"") for at in (3, 4, 9)]
    assert Batch("t", 0, records).next_offset == 10
    assert Batch("t", 0, records[:1]).next_offset == 4
