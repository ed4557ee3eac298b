"""A position comes back as it was, and one of an earlier version is taken as it is."""

from __future__ import annotations

import msgpack
import pytest

from agents.state import Checksum
from app.worker.state.position import Position, PositionUnreadable, SavedModel

WHOLE = Position(
    {"t": 5, "u": 0},
    {"t": "00ff"},
    SavedModel(7, b"digest"),
    Checksum(3, 2**63 + 1),
    {"said": [[3, 6], [8, 9]]},
    {"said": {0: 17, 1: 4}},
)


@pytest.mark.parametrize("position", [WHOLE, Position({}), Position({"t": 1}, {}, None, None)])
def test_a_position_comes_back(position: Position) -> None:
    assert Position.decode(position.encode()) == position


def test_a_position_of_the_first_layout_has_offsets_alone() -> None:
    found = Position.decode(msgpack.packb({"t": 5}))
    assert found == Position({"t": 5})
    assert found.checksum is None


@pytest.mark.parametrize(
    "value",
    [b"", b"\xc1", WHOLE.encode()[:-1], b"text", msgpack.packb([2, {}]), msgpack.packb([2, None])],
)
def test_what_is_no_position_is_said_to_be_none(value: bytes) -> None:
    with pytest.raises(PositionUnreadable, match="no position"):
        Position.decode(value)


def test_a_position_of_a_later_version_is_refused_by_its_layout() -> None:
    with pytest.raises(PositionUnreadable, match=r"its layout is 3; this version reads 1 and 2"):
        Position.decode(msgpack.packb([3, {}]))
