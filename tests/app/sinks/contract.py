"""What every store must do, as checks that take any of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import pytest

from app.sinks.columns import COORDINATES, Column, Row
from app.sinks.store import Moved, SchemaMismatch, Span, Store

COLUMNS = (
    *COORDINATES,
    Column("id", "text"),
    Column("score", "float"),
    Column("version", "int"),
    Column("final", "bool"),
    Column("reasons", "json"),
    Column("end", "time"),
)
TIME = 1_700_000_000_123


class Kit(Protocol):
    """One table of one kind of store, empty at first.

    Attributes:
        fences: Whether it refuses who goes on from elsewhere. Else it takes the same rows again.
    """

    fences: bool

    def open(self, identity: str = "sink/topic") -> Store:
        """Another member's view of it, not prepared yet."""
        ...

    def rows(self) -> list[dict[str, Any]]:
        """All rows, as whoever reads the table sees them; times in milliseconds."""
        ...


def row(partition: int, offset: int, **others: Any) -> Row:
    """A row of `COLUMNS`."""
    values: dict[str, Any] = {
        "id": f"{partition}/{offset}",
        "score": offset / 7,
        "version": offset,
    } | others
    own = (partition, offset, TIME + offset, f"card {offset}")
    return (*own, *(values.get(column.name) for column in COLUMNS[len(COORDINATES) :]))


def span(partition: int, begin: int, end: int, *offsets: int) -> Span:
    """The rows of these offsets, of all between begin and end unless given."""
    rows = [row(partition, at) for at in offsets or range(begin, end)]
    return Span(partition, begin, end, rows)


def prepared(kit: Kit, identity: str = "sink/topic") -> Store:
    """A store that is ready; its member has asked for the positions, as a sink does."""
    store = kit.open(identity)
    store.prepare(COLUMNS)
    store.positions(range(4))
    return store


def offsets(kit: Kit) -> list[tuple[int, int]]:
    """The coordinates of all rows, in their order."""
    return sorted((row["kafka_partition"], row["kafka_offset"]) for row in kit.rows())


def positions(store: Store, *partitions: int) -> dict[int, int]:
    """Where these stand; 0 where nothing was written."""
    found = store.positions(partitions)
    return {number: found.get(number, 0) for number in partitions}


def check_values_come_back_as_they_were(kit: Kit) -> None:
    store = prepared(kit)
    values = {
        "id": "ünï\tcode\n\\N",
        "score": 0.1 + 0.2,
        "version": 2**62,
        "final": True,
        "reasons": '{"a":[1,null,"x"]}',
        "end": TIME,
    }
    rows = [row(0, 0, **values), row(0, 1, **dict.fromkeys(values)), row(0, 2, id="", score=-0.5)]

    store.write([Span(0, 0, 3, rows)])
    store.close()

    names = [column.name for column in COLUMNS]
    expected = [dict(zip(names, each, strict=True)) for each in rows]
    found = sorted(kit.rows(), key=lambda each: each["kafka_offset"])
    for each in found:
        each["reasons"] = _without_spaces(each["reasons"])
    assert found == expected


def check_a_position_moves_with_its_rows(kit: Kit) -> None:
    store = prepared(kit)
    assert positions(store, 0, 1, 2) == {0: 0, 1: 0, 2: 0}

    store.write([span(0, 0, 3), span(2, 0, 12, 10, 11)])
    assert positions(store, 0, 1, 2) == {0: 3, 1: 0, 2: 12}
    store.close()

    again = prepared(kit)
    assert positions(again, 0, 1, 2) == {0: 3, 1: 0, 2: 12}
    again.write([span(0, 3, 5)])
    again.close()
    assert offsets(kit) == [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (2, 10), (2, 11)]


def check_a_position_moves_without_rows(kit: Kit) -> None:
    store = prepared(kit)

    store.write([Span(0, 0, 4, [])])
    assert positions(store, 0) == {0: 4}
    store.write([span(0, 4, 5)])
    store.close()

    assert offsets(kit) == [(0, 4)]


def check_who_was_fenced_writes_nothing(kit: Kit) -> None:
    old, new = prepared(kit), prepared(kit)
    assert positions(old, 0, 1) == positions(new, 0, 1) == {0: 0, 1: 0}

    new.write([span(0, 0, 2)])
    _write_late(kit, old, span(0, 0, 2))
    new.write([span(0, 2, 4)])
    _write_late(kit, old, span(0, 0, 3))
    if kit.fences:  # ahead of the position: something would be left out
        _write_late(kit, old, span(0, 5, 6))
    old.write([span(1, 0, 1)])  # its own partition still takes its rows
    assert positions(new, 0, 1) == {0: 4, 1: 1}
    for store in (old, new):
        store.close()

    assert offsets(kit) == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0)]


def check_who_has_written_before_is_fenced_too(kit: Kit) -> None:
    """A member that was frozen has all that it needs to write on: it is the store that refuses."""
    old = prepared(kit)
    old.write([span(0, 0, 2)])
    new = prepared(kit)
    new.write([span(0, 2, 4)])

    _write_late(kit, old, span(0, 2, 3))

    assert positions(new, 0) == {0: 4}
    for store in (old, new):
        store.close()
    assert offsets(kit) == [(0, at) for at in range(4)]


def check_of_two_writers_at_once_one_wins(kit: Kit) -> None:
    for round_ in range(3):
        stores, start, outcomes = [prepared(kit), prepared(kit)], threading.Barrier(2), list[str]()

        def write(store: Store, end: int, start: Any = start, said: Any = outcomes) -> None:
            begin = positions(store, 0)[0]
            start.wait()
            try:
                store.write([span(0, begin, begin + end)])
            except Moved:
                said.append("moved")
            else:
                said.append("wrote")

        _at_once([partial(write, store, n + 2) for n, store in enumerate(stores)])
        assert sorted(outcomes) == ["moved" if kit.fences else "wrote", "wrote"], round_
        for store in stores:
            store.close()
    found = offsets(kit)
    assert found == [(0, at) for at in range(len(found))]


def check_members_of_different_partitions_do_not_hinder_each_other(kit: Kit) -> None:
    stores = [prepared(kit) for _ in range(3)]

    def write(number: int) -> None:
        for begin in (0, 2, 4):
            stores[number].write([span(number, begin, begin + 2)])

    _at_once([partial(write, number) for number in range(3)])
    for store in stores:
        store.close()

    assert offsets(kit) == [(number, at) for number in range(3) for at in range(6)]


def check_new_columns_are_added(kit: Kit) -> None:
    first = kit.open()
    first.prepare(COLUMNS[:-2])
    first.positions([0])
    first.write([Span(0, 0, 1, [row(0, 0)[:-2]])])
    first.close()

    store = prepared(kit)
    store.write([Span(0, 1, 2, [row(0, 1, reasons="[1]", end=TIME)])])
    store.close()

    found = sorted(kit.rows(), key=lambda each: each["kafka_offset"])
    assert [(each.get("reasons"), each.get("end")) for each in found] == [
        (None, None),
        ("[1]", TIME),
    ]


def check_another_type_is_said_before_anything_is_written(kit: Kit) -> None:
    store = prepared(kit)
    store.write([span(0, 0, 1)])
    store.close()
    changed = [Column("score", "bool") if each.name == "score" else each for each in COLUMNS]

    other = kit.open()
    with pytest.raises(SchemaMismatch, match="score"):
        other.prepare([*changed, Column("new", "text")])
    other.close()

    assert "new" not in kit.rows()[0]


def _write_late(kit: Kit, store: Store, late: Span) -> None:
    """What a member does that does not know yet that another one has its partition."""
    if kit.fences:
        with pytest.raises(Moved):
            store.write([late])
    else:
        store.write([late])


def _at_once(calls: list[Callable[[], None]]) -> None:
    """Call all from threads of their own; the first error is raised here."""
    failed: list[BaseException] = []

    def run(call: Callable[[], None]) -> None:
        try:
            call()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    if failed:
        raise failed[0]


def _without_spaces(text: str | None) -> str | None:
    return None if text is None else text.replace(" ", "")


CHECKS = [check for name, check in sorted(globals().items()) if name.startswith("check_")]
