"""A batch knows what is committed once it is done."""

from __future__ import annotations

from confluent_kafka import Message

from topics.records import Batch


def test_the_next_offset_follows_the_last_record_whatever_gaps_there_are() -> None:
    records = [Message(topic="t", partition=0, offset=at, value=b"") for at in (3, 4, 9)]
    assert Batch("t", 0, records).next_offsets == {"t": 10}
    assert Batch("t", 0, records[:1]).next_offsets == {"t": 4}


def test_of_merged_topics_the_next_offset_of_each_is_known() -> None:
    records = [Message(topic=topic, partition=0, offset=7, value=b"") for topic in ("t", "u")]
    assert Batch("t", 0, records, ends={"t": 8, "u": 8}).next_offsets == {"t": 8, "u": 8}
