"""The keyed store notes every change once."""

from __future__ import annotations

import random

import pytest

from agents.state import Checksum, State
from agents.store import MemoryStore


def test_what_was_restored_is_no_change() -> None:
    state = State({"a": b"1"})
    assert state.get("a") == b"1"
    assert state.changes() == {}


def test_a_key_that_was_never_written_needs_no_tombstone() -> None:
    state = State()
    state.delete("a")
    assert state.changes() == {}


def test_of_several_changes_of_a_key_the_last_counts() -> None:
    state = State({"a": b"1"})
    state.delete("a")
    state.put("a", b"2")
    assert state.changes() == {"a": b"2"}


def test_what_is_restored_is_not_shared() -> None:
    entries = {"a": b"1"}
    State(entries).put("a", b"2")
    assert entries == {"a": b"1"}


def test_applying_all_changes_gives_the_same_store() -> None:
    draw = random.Random(5)
    state, copy = State(), dict[str, bytes]()
    for _ in range(300):
        key = draw.choice("abcdef")
        if draw.random() < 0.3:
            state.delete(key)
        else:
            state.put(key, draw.randbytes(2))
        if draw.random() < 0.3:
            for name, value in state.changes().items():
                copy.pop(name, None)
                if value is not None:
                    copy[name] = value
            assert copy == {name: state.get(name) for name in state}
    assert len(state) == len(copy)


def test_a_part_reads_its_own_prefix() -> None:
    state = State({"row/1": b"1", "label/1": b"2", "row": b"3", "row/2": b"4"})
    state.put("row/3", b"5")
    state.delete("row/1")
    assert dict(state.items("row/")) == {"row/2": b"4", "row/3": b"5"}


def test_a_store_becomes_the_states_own() -> None:
    store = MemoryStore({"a": b"1"})
    State(store).put("a", b"2")
    assert dict(store.beginning("")) == {"a": b"2"}


def test_the_checksum_is_that_of_all_entries_whatever_was_changed_on_the_way() -> None:
    draw, state = random.Random(5), State({"k0": b"restored"})
    for _ in range(200):
        for _ in range(draw.randrange(6)):
            key = f"k{draw.randrange(8)}"
            state.put(key, draw.randbytes(3)) if draw.random() < 0.6 else state.delete(key)
        state.changes()
        assert state.checksum == Checksum.of(state.items(""))


@pytest.mark.parametrize(
    "other",
    [{}, {"a": b"1"}, {"a": b"1", "b": b"3"}, {"a": b"2", "b": b"1"}, {"a": b"1", "c": b"2"}],
)
def test_other_entries_have_another_checksum(other: dict[str, bytes]) -> None:
    assert State(other).checksum != State({"a": b"1", "b": b"2"}).checksum
