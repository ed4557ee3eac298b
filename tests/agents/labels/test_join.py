"""Labels find their events: against a list of everything, and case by case."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from confluent_kafka import Message

from agents.labels.counts import JoinCounts
from agents.labels.join import LabelJoin
from agents.labels.reader import ParsedLabel
from agents.labels.settings import JoinSettings
from agents.operations import ParsedEvent
from agents.rejected import Rejected
from agents.state import State
from tests.agents.one_by_one import Event, Label, Op, one_by_one
from topics.dead_letters import dead_letter, reason

DAY = JoinSettings(expire=100, label="fraud", keep=("card", "amount"))


def record(time: int, offset: int = 0, topic: str = "cards") -> Any:
    return Message(
        topic=topic,
        partition=2,
        offset=offset,
        key=b"key",
        value=b"value %d" % offset,
        headers=[("trace", b"t")],
        timestamp=(1, time),
    )


def event(id_: Any, time: int, **fields: Any) -> Event:
    return Event(id_, time, {"card": f"c{id_}", **fields}, None, record(time))


def heard(id_: Any, label: Any, time: int, weight: int = 1, offset: int = 0) -> ParsedLabel:
    return ParsedLabel(id_, label, None, weight, time, record(time, offset, "labels"))


class Join:
    """The join, step by step.

    Attributes:
        rejected: All that was set aside.
    """

    def __init__(self, settings: JoinSettings, state: State) -> None:
        self._join = LabelJoin(settings, state, bool)
        self.rejected: list[Rejected] = []

    def __len__(self) -> int:
        return len(self._join)

    @property
    def counts(self) -> JoinCounts:
        return self._join.counts

    def take(self, step: Event | ParsedLabel, *, save: bool = True) -> list[Op]:
        """What happens by this step."""
        return self.take_all([parsed(step)], save=save)

    def take_all(
        self, steps: Sequence[ParsedEvent | ParsedLabel], *, save: bool = True
    ) -> list[Op]:
        """What happens by these steps, at once."""
        joined = self._join.run(steps)
        self.rejected += [each for _, each in joined.rejected]
        if save:
            self.save()
        causes = [step.record for step in steps]
        return one_by_one(joined.operations(causes, [0] * len(steps)))

    def save(self) -> None:
        self._join.save()


def join_of(settings: JoinSettings = DAY, state: State | None = None) -> Join:
    return Join(settings, State() if state is None else state)


def parsed(step: Event | ParsedLabel) -> ParsedEvent | ParsedLabel:
    if isinstance(step, Event):
        return ParsedEvent(step.id, step.time, step.fields, step.record)
    return step


def said(ops: list[Op]) -> list[tuple[Any, ...]]:
    """Operations, short."""
    return [
        ("event", op.id) if isinstance(op, Event) else (op.kind, op.id, op.label, op.before)
        for op in ops
    ]


@dataclass
class Remembered:
    id: Any
    time: int
    kind: str
    fields: dict[str, Any] = field(default_factory=dict)
    label: Any = None
    weight: int = 0
    record: Any = None


def given(value: bytes, time: int) -> Any:
    """What stands for the record of a label that was given because none came."""
    return Message(
        topic="", partition=-1, offset=-1, key=None, value=value, headers=[], timestamp=(1, time)
    )


class ListJoin:
    """The reference: a list of everything, looked through at every step."""

    def __init__(self, settings: JoinSettings) -> None:
        self.settings = settings
        self.now = -1
        self.all: list[Remembered] = []
        self.failed: list[Any] = []

    def step(self, op: Event | ParsedLabel) -> list[Op]:
        self.now = max(self.now, op.time)
        ops: list[Op] = []
        for entry in self.by_deadline():
            if entry.time + self.settings.expire < self.now:
                ops += self.end(entry, op.record)
        found = next((e for e in self.all if e.id == op.id and type(e.id) is type(op.id)), None)
        if found is None:
            while len(self.all) >= self.settings.max_waiting:
                ops += self.end(self.by_deadline()[0], op.record)
        return ops + (self.event(op, found) if isinstance(op, Event) else self.label(op, found))

    def by_deadline(self) -> list[Remembered]:
        return sorted(self.all, key=lambda e: (e.time, json.dumps(e.id)))

    def event(self, op: Event, found: Remembered | None) -> list[Op]:
        fields = {k: op.fields[k] for k in self.settings.keep if k in op.fields}
        if found is None:
            self.all.append(Remembered(op.id, op.time, "waiting", fields))
        elif found.kind == "early":
            found.time, found.kind, found.fields = op.time, "labelled", fields
            return [op, self.op("learn", found, None, found.record)]
        return [op]

    def label(self, op: ParsedLabel, found: Remembered | None) -> list[Op]:
        if found is None:
            self.all.append(Remembered(op.id, op.time, "early", {}, op.label, op.weight, op.record))
            return []
        if found.kind != "waiting" and found.label == op.label and (found.weight or not op.weight):
            return []
        before, first = found.label, found.kind == "waiting"
        found.label, found.weight = op.label, op.weight
        if found.kind == "early":
            found.time, found.record = op.time, op.record
            return []
        found.kind = "labelled"
        return [self.op("learn" if first else "correct", found, before, op.record)]

    def end(self, entry: Remembered, by: Any) -> list[Op]:
        self.all.remove(entry)
        if entry.kind == "early":
            self.failed.append(entry.record)
            return []
        ops: list[Op] = []
        if entry.kind == "waiting" and self.settings.on_expire != "drop":
            entry.label, entry.weight = self.settings.on_expire, 1
            text = json.dumps(
                {"id": entry.id, "label": entry.label}, separators=(",", ":"), ensure_ascii=False
            )
            ops.append(self.op("learn", entry, None, given(text.encode(), self.now)))
        return [*ops, self.op("drop", entry, None, by)]

    def op(self, kind: Any, entry: Remembered, before: Any, by: Any) -> Label:
        fields, label, weight = dict(entry.fields), entry.label, entry.weight
        if kind == "drop":
            label, weight = None, 0
        else:
            fields[self.settings.label] = label
        return Label(entry.id, self.now, entry.time, kind, label, before, weight, fields, by)


def some_steps(seed: int, n: int = 600) -> Iterator[Event | ParsedLabel]:
    """Few ids of both types, times that mostly go on, labels of all kinds."""
    draw = random.Random(seed)
    time = 1_000
    for i in range(n):
        time += draw.choice([0, 0, 1, 5, 5, 40])
        at = time - draw.choice([0, 0, 0, 3, 100, 250])
        id_ = draw.choice([draw.randrange(12), f"é{draw.randrange(4)}", str(draw.randrange(3))])
        if draw.random() < 0.5:
            yield event(id_, at, amount=float(i), other=[i])
        else:
            yield heard(id_, draw.random() < 0.5, at, draw.choice([0, 1, 1, 3]), i)


def entries(state: State) -> dict[str, bytes | None]:
    return {key: state.get(key) for key in state}


NONE = record(0)


def told(record: Any) -> list[Any]:
    """All that a record says."""
    names = ("topic", "partition", "offset", "key", "value", "headers", "timestamp")
    said = [getattr(record, name)() for name in names]
    return [None if one in (-1, "", []) else one for one in said]


def same_record(ours: Any, theirs: Any) -> bool:
    return told(ours) == told(theirs)


def comparable(ops: list[Op]) -> list[tuple[Op, Any]]:
    return [(msgspec.structs.replace(op, record=NONE), told(op.record)) for op in ops]


VARIANTS = [
    JoinSettings(expire, on_expire, room, "fraud", ("card", "amount"))
    for expire in (0, 100)
    for on_expire in ("drop", False)
    for room in (1, 5, 1_000)
]


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_it_says_what_a_list_of_everything_says(settings: JoinSettings, seed: int) -> None:
    join, slow = join_of(settings), ListJoin(settings)
    for step in some_steps(seed):
        assert comparable(join.take(step)) == comparable(slow.step(step))
        assert len(join) == len(slow.all) <= settings.max_waiting
        assert join.counts.waiting == sum(entry.kind == "waiting" for entry in slow.all)
        assert join.counts.unmatched == sum(entry.kind == "early" for entry in slow.all)
    assert len(join.rejected) == join.counts.unknown == len(slow.failed) > 0
    assert all(map(same_record, (f.record for f in join.rejected), slow.failed))


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_restore_between_any_two_batches_changes_nothing(
    settings: JoinSettings, size: int
) -> None:
    steps = list(some_steps(9))
    state = State()
    join = join_of(settings, state)
    without = [op for step in steps for op in join.take(step)]
    stored = dict[str, bytes]()
    ops, rejected = list[Op](), 0
    for first in range(0, len(steps), size):
        restored = State(stored)
        join = join_of(settings, restored)
        ops += join.take_all([parsed(step) for step in steps[first : first + size]])
        rejected += len(join.rejected)
        for key, value in restored.changes().items():
            stored.pop(key, None)
            if value is not None:
                stored[key] = value
    assert comparable(ops) == comparable(without)
    assert stored == entries(state)


def test_nothing_is_left_once_all_has_expired() -> None:
    state = State()
    join = join_of(DAY, state)
    for step in some_steps(4):
        join.take(step)
    join.take(event("last", 1_000_000))
    assert sorted(state) == ["label-counts", "label-time", 'label/"last"']
    assert (len(join), join.counts.waiting) == (1, 1)


def test_a_label_is_learned_with_the_fields_of_its_event() -> None:
    join = join_of()
    join.take(event(1, 10, amount=2.5, other="x"))
    (op,) = join.take(heard(1, True, 60, weight=3))
    assert isinstance(op, Label)
    assert (op.kind, op.time, op.event_time, op.label, op.weight) == ("learn", 60, 10, True, 3)
    assert op.fields == {"card": "c1", "amount": 2.5, "fraud": True}


@pytest.mark.parametrize("value", [[1], {"a": 1}, None, 2**70, "x" * 10_001, float("nan")])
def test_a_kept_field_that_is_no_bounded_text_or_number_is_left_out(value: Any) -> None:
    join = join_of()
    join.take(event(1, 10, amount=value))
    (op,) = join.take(heard(1, True, 60))
    assert isinstance(op, Label)
    assert op.fields == {"card": "c1", "fraud": True}


@pytest.mark.parametrize(
    ("time", "expected"), [(110, [("learn", 1, True, None)]), (111, [("drop", 1, None, None)])]
)
def test_a_label_at_the_deadline_counts_and_one_after_it_does_not(
    time: int, expected: list[Any]
) -> None:
    join = join_of()
    join.take(event(1, 10))
    assert said(join.take(heard(1, True, time))) == expected


def test_a_label_may_be_corrected_back_and_forth_until_its_event_expires() -> None:
    join = join_of()
    join.take(event(1, 10))
    labels = [True, False, True, True, False]
    ops = [op for label in labels for op in said(join.take(heard(1, label, 50)))]
    assert ops == [("learn", 1, True, None)] + [
        ("correct", 1, label, before) for before, label in pairwise([True, False, True, False])
    ]
    assert (join.counts.doubled, join.counts.corrected) == (1, 3)
    assert said(join.take(event(2, 111))) == [("drop", 1, None, None), ("event", 2)]


def test_a_label_that_was_heard_and_not_learned_is_learned_when_one_with_weight_says_the_same() -> (
    None
):
    join = join_of()
    join.take(event(1, 10))
    ops = [join.take(heard(1, True, 20, weight)) for weight in (0, 0, 2, 3, 0)]
    assert [said(some) for some in ops] == [
        [("learn", 1, True, None)],
        [],
        [("correct", 1, True, True)],
        [],
        [],
    ]
    assert [op.weight for some in ops for op in some if isinstance(op, Label)] == [0, 2]
    assert join.counts.doubled == 3


def test_a_label_before_its_event_is_learned_right_after_it() -> None:
    join = join_of()
    assert join.take(heard(1, False, 5)) == []
    assert join.take(heard(1, True, 6, weight=2)) == []
    first = event(1, 10)
    ops = join.take(first)
    assert said(ops) == [("event", 1), ("learn", 1, True, None)]
    assert isinstance(ops[1], Label)
    assert same_record(ops[1].record, record(6, topic="labels"))
    assert ops[1].weight == 2
    assert (join.counts.early, join.counts.corrected, join.counts.learned) == (1, 1, 1)


def test_a_label_without_an_event_becomes_a_dead_letter_as_it_was() -> None:
    state = State()
    join_of(DAY, state).take(heard("x", True, 7, offset=41))
    join = join_of(DAY, state)
    join.take(event(2, 108))
    ((kept, stage, error),) = join.rejected
    letter = dead_letter("letters", kept, stage, error)
    why = reason(letter.headers or [])
    assert (why.topic, why.partition, why.offset, why.stage) == ("labels", 2, 41, "validate")
    assert why.message == (
        "no event with the id 'x' waits on this partition, and none came within 0.1 s"
        " (labels.expire): no event has this id (a text is no number, and case counts), its event"
        " expired before, or it was rejected itself, or it has another key: a label must have the"
        ' key of its event, or labels.key = "id" must be set'
    )
    assert (letter.key, letter.value, letter.timestamp) == (b"key", b"value 41", 7)
    assert (letter.headers or [])[0] == ("trace", b"t")
    assert join.counts.unknown == 1


def test_the_counts_of_a_state_go_on_after_a_restore() -> None:
    state = State()
    join = join_of(DAY, state)
    join.take(event(1, 10))
    join.take(heard(1, True, 11))
    join.take(heard("x", True, 12))
    join.take(event(2, 20))
    join.take(event(3, 200))
    join.take(heard("y", True, 201))
    again = join_of(DAY, state)
    assert again.counts == join.counts
    counts = again.counts
    assert (counts.waiting, counts.unmatched, counts.homeless) == (1, 1, 2)
    assert (counts.learned, counts.expired, counts.unknown) == (1, 1, 1)
    assert (counts.expired_time, counts.expired_at) == (20, 200)


def test_an_event_that_got_no_label_is_learned_with_the_one_for_that() -> None:
    join = join_of(JoinSettings(100, 0, label="fraud", keep=("card",)))
    join.take(event(1, 10))
    join.take(event(2, 20))
    join.take(heard(2, True, 30))
    ops = join.take(event(3, 1_000))
    assert said(ops) == [
        ("learn", 1, False, None),
        ("drop", 1, None, None),
        ("drop", 2, None, None),
        ("event", 3),
    ]
    assert isinstance(ops[0], Label)
    assert (ops[0].weight, ops[0].time, ops[0].event_time) == (1, 1_000, 10)
    assert ops[0].fields == {"card": "c1", "fraud": False}
    assert join.counts.expired == 1


def test_a_label_for_expired_events_that_the_model_does_not_take_is_refused() -> None:
    def check(label: Any) -> Any:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        LabelJoin(JoinSettings(100, "maybe"), State(), check)
    LabelJoin(JoinSettings(100, "drop"), State(), check)


def test_where_there_is_no_room_the_one_that_expires_first_does_so_at_once() -> None:
    join = join_of(JoinSettings(100, max_waiting=2))
    join.take(event(1, 10))
    join.take(event(2, 5))
    assert said(join.take(event(3, 10))) == [("drop", 2, None, None), ("event", 3)]
    assert said(join.take(heard(9, True, 11))) == [("drop", 1, None, None)]
    join.take(event(4, 30))
    join.take(event(5, 31))
    (failure,) = join.rejected
    why = "no event with the id 9 waits on this partition, and none came before 2 others waited"
    assert str(failure.error).startswith(f"{why} (labels.max_waiting)")


def test_an_event_that_is_late_beyond_its_time_expires_with_the_next_step() -> None:
    join = join_of()
    join.take(event(1, 1_000))
    assert said(join.take(event(2, 10))) == [("event", 2)]
    assert said(join.take(event(3, 20))) == [("drop", 2, None, None), ("event", 3)]


def test_a_doubled_event_goes_on_and_the_first_stays() -> None:
    join = join_of()
    join.take(event(1, 10, amount=1.0))
    assert said(join.take(event(1, 50, amount=2.0))) == [("event", 1)]
    (op,) = join.take(heard(1, True, 60))
    assert isinstance(op, Label)
    assert (op.event_time, op.fields["amount"]) == (10, 1.0)
    assert said(join.take(event(2, 111))) == [("drop", 1, None, None), ("event", 2)]


def test_an_id_as_a_text_is_not_the_number() -> None:
    join = join_of()
    join.take(event(1, 10))
    assert join.take(heard("1", True, 20)) == []


@pytest.mark.parametrize("make", [event, lambda id_, time: heard(id_, True, time)])
def test_a_thousand_ids_leave_no_more_in_the_state_than_wait(make: Callable[..., Any]) -> None:
    state = State()
    join = join_of(DAY, state)
    for i in range(1_000):
        join.take(make(i, 10 * i))
        assert len(state) <= 12 + 2
