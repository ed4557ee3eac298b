"""What partitions say at marks, and the one model that follows from it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agents.shared.mark import RING, Mark, MarkUnreadable
from agents.shared.marks import KEPT, Marks, MarksRefused, Terms
from agents.shared.mixer import Mixer
from agents.state import State
from learners.mixing.mixture import Mixture
from learners.spec import LearnerSpec

SPEC = LearnerSpec("arow", {}, True)
PARTITIONS = 3


def new_marks(scheme: str = "s", partitions: int = PARTITIONS) -> Marks:
    return Marks(Mixture(SPEC), Terms("p.marks.v1", partitions, scheme))


class Group:
    """Partitions that learn, and one log of their marks."""

    def __init__(self) -> None:
        self.marks = new_marks()
        self.models = [self.marks.mixture.new_model() for _ in range(PARTITIONS)]
        self.states = [State() for _ in self.models]
        self.log: list[tuple[int, bytes]] = []
        self.mixers = [self.new(k) for k in range(PARTITIONS)]

    def new(self, k: int) -> Mixer:
        return Mixer(k, self.models[k], self.states[k], self.marks)

    def learn(self, k: int, *values: float) -> None:
        for value in values:
            self.models[k].learn_one({"a": value, f"own{k}": 1.0}, value > 0)

    def say(self, k: int, mark: int) -> None:
        made = self.mixers[k].pass_mark(mark)
        assert made is not None
        self.log.append((k, made.encode()))
        self.marks.hold(k, made)

    def reach(self, mark: int, *who: int) -> None:
        for k in who or range(PARTITIONS):
            self.say(k, mark)
        for k in who or range(PARTITIONS):
            self.mixers[k].adopt()


def read(log: Any, marks: Marks | None = None) -> Marks:
    marks = marks or new_marks()
    for offset, (k, value) in enumerate(log):
        marks.read(k, offset, value)
    return marks


def test_a_mark_comes_back_as_it_was_published() -> None:
    mark = Mark(1, "s", "o", 3, 9, 4, 7, 55, b"x")
    assert Mark.decode(mark.encode()) == mark
    assert (mark.interval, mark.key) == (5, b"%d" % (9 % RING))


def test_all_have_the_model_of_all_one_mark_later_and_keep_their_own() -> None:
    group = Group()
    group.reach(1)
    group.learn(0, 1.0, -1.0)
    group.learn(1, 2.0)
    group.reach(2)
    assert [model.learned for model in group.models] == [2, 1, 0]  # their own
    group.learn(2, -2.0)
    group.reach(3)
    assert [model.learned for model in group.models] == [3, 3, 4]
    group.reach(4)
    assert {model.learned for model in group.models} == {4}
    assert len({model.fingerprint() for model in group.models}) == 1


def test_who_passes_many_marks_at_once_has_the_same_model_as_who_passes_each() -> None:
    each, jumping = Group(), Group()
    for group in (each, jumping):
        group.reach(1)
        for k in range(PARTITIONS):
            group.learn(k, 1.0 + k, -k)
    for mark in range(2, 9):
        each.reach(mark)
    jumping.reach(8)
    assert [m.fingerprint() for m in each.models] == [m.fingerprint() for m in jumping.models]


def test_a_partition_that_is_restored_goes_on_to_the_same_model() -> None:
    whole, again = Group(), Group()
    for group in (whole, again):
        group.reach(1)
        group.learn(0, 1.0)
        group.reach(2)
        group.learn(0, -1.5, 2.0)
    again.mixers[0] = again.new(0)  # from its state; the model is as it was
    for group in (whole, again):
        group.reach(3)
        group.reach(4)
    assert whole.log == again.log
    assert whole.models[0].fingerprint() == again.models[0].fingerprint()


def test_who_is_restored_between_saying_and_taking_over_waits_for_the_same_mark() -> None:
    group = Group()
    group.reach(1)
    group.learn(0, 1.0)
    group.say(0, 2)
    group.mixers[0] = group.new(0)
    assert (group.mixers[0].mark, group.mixers[0].waits_for) == (2, 1)
    assert group.mixers[0].pass_mark(2) is None
    group.mixers[0].adopt()
    assert group.mixers[0].waits_for is None


def test_what_was_not_committed_is_void_in_the_next_assignment() -> None:
    group = Group()
    group.reach(1)
    marks = read(group.log)
    group.learn(0, 1.0)
    made = group.mixers[0].pass_mark(2)
    assert made is not None
    marks.hold(0, made)
    assert (marks.passed(0), marks.number(0)) == (2, 2)
    marks.begin()
    assert (marks.passed(0), marks.number(0)) == (1, 1)
    assert marks.behind(2) == [0, 1, 2]


def test_the_first_committed_mark_counts_and_few_are_kept() -> None:
    group = Group()
    for mark in range(1, 40):
        group.reach(mark)
    marks = read(group.log)
    assert marks.number(0) == 39
    assert all(len(known) == KEPT for known in marks._known)
    read(group.log[-PARTITIONS * RING :], marks)  # as after a rebalance: read again
    assert marks.number(0) == 39
    assert (marks.newest, marks.behind(39)) == (39, [])


def change(value: bytes, at: int, to: Any) -> bytes:
    said = msgspec.msgpack.decode(value)
    said[at] = to
    return msgspec.msgpack.encode(said)


@pytest.mark.parametrize(
    ("at", "to", "error"),
    [
        (0, 9, r"p\.marks\.v1\[1\]@0: a mark of layout 9; this version of riverrun reads 1"),
        (1, "other", r"p\.marks\.v1\[1\]@0: it was made with another \[learner\]"),
        (3, 8, r"it is of 8 partitions, and the events have 3: give the pipeline a new name"),
        (8, b"nothing", "no model to mix"),
        (6, "tomorrow", "no mark"),
    ],
)
def test_a_mark_that_cannot_be_mixed_is_refused_with_its_place(
    at: int, to: Any, error: str
) -> None:
    group = Group()
    group.reach(1)
    with pytest.raises(MarksRefused, match=error):
        new_marks().read(1, 0, change(group.log[1][1], at, to))


def test_bytes_that_are_no_mark_are_refused() -> None:
    with pytest.raises(MarkUnreadable, match="no mark"):
        Mark.decode(b"\xc1")
    with pytest.raises(MarksRefused, match=r"p\.marks\.v1\[0\]@5"):
        new_marks().read(0, 5, b"")


def test_partitions_that_began_with_other_models_are_refused() -> None:
    group = Group()
    group.learn(1, 1.0)  # as a pipeline whose partitions learned apart
    group.mixers = [group.new(k) for k in range(PARTITIONS)]
    for k in range(PARTITIONS):
        group.say(k, 1)
    with pytest.raises(MarksRefused, match=r"p\.marks\.v1\[1\]: .* began with another model"):
        group.mixers[0].adopt()


def test_partitions_that_begin_with_one_imported_model_go_on_from_it() -> None:
    group = Group()
    for k in range(PARTITIONS):
        group.models[k].learn_one({"a": 1.0}, True)
    group.mixers = [group.new(k) for k in range(PARTITIONS)]
    group.reach(1)
    group.learn(2, 3.0)
    group.reach(2)
    group.reach(3)
    assert {model.learned for model in group.models} == {2}


def test_a_state_of_another_learner_is_refused() -> None:
    group = Group()
    group.reach(1)
    with pytest.raises(MarksRefused, match="partition 0 was made with another"):
        Mixer(0, group.models[0], group.states[0], new_marks("other"))
