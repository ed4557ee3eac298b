"""Entries come in the order of their times, those of the same one in that of their keys."""

from __future__ import annotations

import random

from agents.labels.deadlines import Deadlines
from agents.labels.entries import Labelled, Waiting, encode
from agents.tables.table import Table


def test_entries_come_in_the_order_of_their_latest_times() -> None:
    draw = random.Random(1)
    now: dict[str, int] = {}
    table = Table("label/")
    deadlines = Deadlines(table)
    for _ in range(2_000):
        key = f"label/{draw.randrange(50)}"
        now[key] = draw.randrange(20)
        table.update([(key, b"v" * draw.randrange(9))])
        deadlines.set(table.slot(key), now[key])
        assert len(deadlines) == len(now)
        if draw.random() < 0.3:
            slot, time = deadlines.first()
            key = table.key(slot)
            assert (time, key) == min((at, key) for key, at in now.items())
            deadlines.drop(slot)
            table.update([(key, None)])
            del now[key]
    for key in sorted(now, key=lambda key: (now[key], key)):
        slot, _ = deadlines.first()
        assert table.key(slot) == key
        deadlines.drop(slot)
    assert deadlines.first() == (-1, 0)


TIMES = [
    *(0, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**62),
    *(-1, -32, -33, -128, -129, -32_768, -32_769, -(2**31), -(2**31) - 1, -(2**62)),
]


def test_times_are_read_as_messagepack_has_them() -> None:
    table = Table("label/")
    for n, time in enumerate(TIMES):
        entry = Waiting(time, {"a": 1}) if n % 2 else Labelled(time, {}, True, 1)
        table.update([(f"label/{n}", encode(entry))])
    deadlines = Deadlines(table)
    assert (deadlines.unreadable, deadlines.waiting, deadlines.early) == (-1, len(TIMES) // 2, 0)
    found = []
    while len(deadlines):
        slot, time = deadlines.first()
        found.append(time)
        deadlines.drop(slot)
    assert found == sorted(TIMES)


def test_an_entry_that_cannot_be_read_is_found() -> None:
    for value in (b"", b"\xc1", b"\x93\x00", b"\x93\x00\xcf\x00", b"\x93\x07\x01", b"\x95\x00\x01"):
        table = Table("label/")
        table.update([("label/1", encode(Waiting(1, {}))), ("label/2", value)])
        assert table.key(Deadlines(table).unreadable) == "label/2"
