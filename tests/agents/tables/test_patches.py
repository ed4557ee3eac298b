"""A patch says what changed in a value, in fewer bytes than the value."""

from __future__ import annotations

import random
from collections.abc import Mapping

import numpy as np
import pytest

from agents.entries import PackedEntries
from agents.tables.table import Table

SIZE = 401


def put(table: Table, rows: Mapping[str, bytes]) -> None:
    values = np.frombuffer(bytearray().join(rows.values()), np.uint8)
    table.put(list(rows), values.reshape(len(rows), -1))


def noted(rows: Mapping[str, bytes]) -> Table:
    """A table whose changes are noted from now on."""
    table = Table("e/")
    table.update(rows.items())
    table.note(True)
    return table


def decoded(packed: PackedEntries) -> dict[str, bytes]:
    return {key: value or b"" for key, value in packed.decode().items()}


def mutated(row: bytes, places: list[int]) -> bytes:
    found = bytearray(row)
    for place in places:
        found[place] ^= 1
    return bytes(found)


@pytest.mark.parametrize("changes", [0, 1, 5, 15])
def test_a_follower_that_applies_patches_has_the_same_values(changes: int) -> None:
    draw = random.Random(changes)
    rows = {f"e/{n}": draw.randbytes(SIZE) for n in range(200)}
    table, follower = noted(rows), noted(rows)
    for _ in range(20):
        some = draw.sample(sorted(rows), 50)
        rows |= {k: mutated(rows[k], draw.sample(range(SIZE), changes)) for k in some}
        put(table, {key: rows[key] for key in some})
        patches = decoded(table.patches())
        assert sorted(patches) == sorted(some)
        assert max(map(len, patches.values())) <= 10 * changes
        table.settle()
        for _ in range(2):  # the second time nothing changes
            follower.patch(patches)
            assert dict(follower.items()) == rows == dict(table.items())
    assert table.checksum() == follower.checksum()


def test_what_is_new_or_changed_much_or_twice_or_has_gone_has_no_patch() -> None:
    draw = random.Random(7)
    rows = {f"e/{n}": draw.randbytes(SIZE) for n in range(5)}
    table = noted(rows)
    little = {key: mutated(row, [0, SIZE - 1]) for key, row in rows.items()}
    much = {"e/1": draw.randbytes(SIZE), "e/new": draw.randbytes(SIZE)}
    put(table, little | much)
    put(table, {"e/2": little["e/2"]})
    table.update([("e/3", None), ("e/4", b"short")])
    assert sorted(decoded(table.patches())) == ["e/0"]
    changed = table.packed(table.changed).decode()
    assert changed == much | {"e/2": little["e/2"], "e/3": None, "e/4": b"short"}
    table.settle()
    assert not table.has_changed
    assert not decoded(table.patches())


def test_a_patch_of_a_value_that_is_not_there_or_is_shorter_changes_nothing() -> None:
    table = noted({"e/1": b"short", "e/2": bytes(20)})
    far = (18).to_bytes(2, "little") + b"12345678"
    table.patch({"e/1": far, "e/2": far, "e/3": far})
    assert dict(table.items()) == {"e/1": b"short", "e/2": bytes(20)}
    table.patch({"e/2": (12).to_bytes(2, "little") + b"12345678"})
    assert table.get("e/2") == bytes(12) + b"12345678"
