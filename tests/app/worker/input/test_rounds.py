"""All partitions of the first stage are one stream: the same places, however records arrive."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import KafkaError, Message

from agents.forwarded import outgoing
from agents.operations import Operations, ParsedEvent
from app.kafka.partitions import TP
from app.worker.input.block_records import cut, operations_in
from app.worker.input.rounds import At, Part, Rounds

TOPICS = ("events", "labels")
PARTITIONS = 3
INPUTS: list[At] = [(topic, p) for topic in TOPICS for p in range(PARTITIONS)]


def record(at: At, offset: int, time: int) -> Any:
    """A record of that time."""
    return Message(topic=at[0], partition=at[1], offset=offset, value=b"", timestamp=(1, time))


def block(*times: int) -> bytes:
    """The value of a record between two stages."""
    rows = [ParsedEvent(1, time, {}, record(("events", 0), 0, time)).row() for time in times]
    (made,) = outgoing("inner", 0, Operations.of(rows, [r[-1] for r in rows], range(len(rows))))
    return made.value or b""


def end(at: At) -> Any:
    """What librdkafka says at the end of a partition."""
    return Message(topic=at[0], partition=at[1], error=KafkaError(KafkaError._PARTITION_EOF))


def stream(seed: int, *, sorted_: bool) -> dict[At, list[Any]]:
    """Records of few times, so that many are the same."""
    chance = random.Random(seed)
    times = {at: chance.choices(range(30), k=chance.randint(0, 40)) for at in INPUTS}
    return {
        at: [record(at, i, t) for i, t in enumerate(sorted(all_) if sorted_ else all_)]
        for at, all_ in times.items()
    }


def placed(parts: Sequence[Part]) -> list[Any]:
    """The records of rounds, by their places."""
    pairs = [
        (place, record)
        for part in parts
        for place, record in zip(part.places, part.records, strict=True)
    ]
    pairs.sort(key=lambda pair: pair[0])
    assert [place for place, _ in pairs] == list(range(len(pairs)))
    return [record for _, record in pairs]


def in_pieces(inputs: dict[At, list[Any]], chance: random.Random) -> list[Part]:
    """The parts of all rounds, for records that come in pieces and are taken in pieces."""
    made = Rounds(TOPICS, INPUTS, together=True)
    left = {at: [*records, end(at)] for at, records in inputs.items()}
    parts: list[Part] = []
    while any(left.values()):
        at = chance.choice([at for at, waiting in left.items() if waiting])
        size = chance.randint(1, 9)
        piece, left[at] = left[at][:size], left[at][size:]
        assert made.add(piece) == []
        parts += made.take(chance.randint(1, 9))
    while more := made.take(chance.randint(1, 9)):
        parts += more
    return parts


@pytest.mark.parametrize("seed", range(20))
def test_however_records_are_cut_their_places_are_those_of_all_sorted(seed: int) -> None:
    inputs = stream(seed, sorted_=True)
    every = [record for records in inputs.values() for record in records]
    every.sort(key=lambda r: (r.timestamp()[1], r.topic() == "events", r.partition(), r.offset()))
    assert placed(in_pieces(inputs, random.Random(seed))) == every


@pytest.mark.parametrize("seed", range(20))
def test_times_that_go_back_get_the_same_places_however_they_are_cut(seed: int) -> None:
    inputs = stream(seed, sorted_=False)
    one, two = (placed(in_pieces(inputs, random.Random(n))) for n in (seed, seed + 100))
    assert one == two
    assert len(one) == sum(map(len, inputs.values()))


@pytest.mark.parametrize("cut", [1, 7, 30])
def test_who_begins_after_some_rounds_reads_on_in_the_same_order(cut: int) -> None:
    inputs = stream(4, sorted_=False)
    whole = placed(in_pieces(inputs, random.Random(1)))
    begun = Rounds(TOPICS, INPUTS, together=True)
    begun.add([message for at in INPUTS for message in (*inputs[at], end(at))])
    parts = begun.take(cut)
    starts = {(topic, p.partition): end for p in parts for topic, end in p.ends.items()}
    rest = {at: records[starts.get(at, 0) :] for at, records in inputs.items()}
    assert placed(in_pieces(rest, random.Random(2))) == whole[cut:]


def test_a_round_ends_with_its_last_part() -> None:
    made = Rounds(TOPICS, INPUTS, together=True)
    made.add([message for at in INPUTS for message in (record(at, 0, at[1]), end(at))])
    assert [(part.partition, part.last) for part in made.take(5)] == [
        (0, False),
        (1, False),
        (2, True),
    ]
    (part,) = made.take(5)
    assert (part.partition, part.places, part.last) == (2, [5], True)
    assert made.take(5) == []


def test_a_partition_of_other_topics_and_errors_are_given_back() -> None:
    made = Rounds(TOPICS, [*INPUTS, ("inner", 0)], together=True)
    error = Message(topic="events", partition=0, error=KafkaError(KafkaError._TRANSPORT))
    inner = record(("inner", 0), 0, 0)
    assert made.add([inner, error, end(("inner", 0))])[:2] == [inner, error]
    assert not Rounds(TOPICS, [("inner", 0)])


@pytest.mark.parametrize("seed", range(10))
def test_no_round_has_records_from_both_sides_of_a_mark(seed: int) -> None:
    inputs, chance = stream(seed, sorted_=False), random.Random(seed)
    whole = placed(in_pieces(inputs, random.Random(seed)))
    made = Rounds(TOPICS, INPUTS, together=True, span=7)
    made.add([message for at in INPUTS for message in (*inputs[at], end(at))])
    parts: list[Part] = []
    while more := made.take(chance.randint(1, 9)):
        newest = max(r.timestamp()[1] for part in (*parts, *more) for r in part.records)
        assert {part.mark for part in more} == {newest // 7}
        parts += more
    assert placed(parts) == whole


@pytest.mark.parametrize("seed", range(10))
def test_a_partition_is_cut_at_the_same_records_whoever_reads_it(seed: int) -> None:
    inputs = stream(seed, sorted_=True)

    def cuts(ats: list[At]) -> set[Any]:
        """Records of each partition, and the mark that each lies behind."""
        made = Rounds(TOPICS, ats, together=True, span=7)
        made.add([message for at in ats for message in (*inputs[at], end(at))])
        found: set[Any] = set()
        while parts := made.take(1_000):
            found |= {
                (r.topic(), p.partition, r.offset(), p.mark) for p in parts for r in p.records
            }
        return found

    alone = [cuts([at for at in INPUTS if at[1] == p]) for p in range(PARTITIONS)]
    assert cuts(INPUTS) == set().union(*alone)


def test_what_begins_behind_a_mark_counts_as_if_it_came_just_there() -> None:
    made = Rounds(TOPICS, INPUTS, together=True, span=10)
    made.begin({TP("events", 0): 20})
    first = [record(("events", 0), 0, 3), record(("events", 1), 0, 12)]
    made.add([*first, *map(end, INPUTS)])
    assert [(part.partition, part.mark) for part in made.take(5)] == [(1, 1)]
    assert made.ended == frozenset()
    assert [(part.partition, part.mark) for part in made.take(5)] == [(0, 2)]
    assert made.ended == frozenset(TOPICS)


def test_an_inner_topic_is_read_by_the_times_of_its_events() -> None:
    def between(partition: int, offset: int, time: int) -> Any:
        return Message("inner", partition, offset, None, block(time), timestamp=(2, 99))

    ats: list[At] = [*INPUTS, ("inner", 0), ("inner", 1)]
    made = Rounds(TOPICS, ats, together=True, inner=("inner",), span=10)
    made.add([between(0, 0, 15), between(0, 1, 25), between(1, 0, 13), between(1, 1, 31)])
    made.add([end(("inner", 0)), end(("inner", 1))])
    taken = [[(part.topic, part.partition, part.mark) for part in made.take(9)] for _ in range(3)]
    assert taken[0] == [("inner", 1, 1), ("inner", 0, 1)]
    assert taken[1:] == [[("inner", 0, 2)], [("inner", 1, 3)]]
    assert made.ended == {"inner"}


def test_records_between_two_stages_count_as_often_as_they_have_events() -> None:
    sizes = [1, 5, 2, 2, 9]
    records = [
        Message("inner", 0, offset, None, block(*range(size)), timestamp=(2, 99))
        for offset, size in enumerate(sizes)
    ]
    assert [list(map(operations_in, part)) for part in cut(records, 4)] == [[1, 5], [2, 2], [9]]
    made = Rounds(TOPICS, [("inner", 0)], inner=("inner",), span=10)
    made.add([*records, end(("inner", 0))])
    taken = [[r.offset() for part in made.take(4) for r in part.records] for _ in range(4)]
    assert taken == [[0, 1], [2, 3], [4], []]


def test_what_no_stage_has_written_counts_as_one_event_of_long_ago() -> None:
    junk = [Message("inner", 0, n, None, value) for n, value in enumerate((None, b"", b"junk"))]
    made = Rounds(TOPICS, [("inner", 0)], inner=("inner",), span=10)
    made.add([*junk, end(("inner", 0))])
    assert [(part.mark, len(part.records)) for part in made.take(9)] == [(0, 3)]
