"""A position comes back as it was, and one of an earlier version is refused by its layout."""

from __future__ import annotations

import msgpack
import pytest

from agents.state import Checksum
from app.worker.state.inventory import Extent
from app.worker.state.position import OlderLayout, Position, PositionUnreadable, SavedModel

WHOLE = Position(
    {"t": 5, "u": 0},
    {"t": "00ff"},
    SavedModel(7, b"digest"),
    Checksum(3, 2**63 + 1),
    {"said": [[3, 6], [8, 9]]},
    {"said": {0: 17, 1: 4}},
    Extent(3, 5, 2, 1 << 33),
)


@pytest.mark.parametrize("position", [WHOLE, Position({}), Position({"t": 1}, {}, None, None)])
def test_a_position_comes_back(position: Position) -> None:
    assert Position.decode(position.encode()) == position


@pytest.mark.parametrize(
    ("layout", "value"),
    [(1, {"t": 5}), (2, [2, {"offsets": {"t": 5}}]), (3, [3, {"offsets": {"t": 5}}])],
)
def test_a_position_of_an_earlier_version_is_refused_with_what_to_do(
    layout: int, value: object
) -> None:
    with pytest.raises(OlderLayout, match=rf"of layout {layout}, .* reads 4.*model export"):
        Position.decode(msgpack.packb(value))


@pytest.mark.parametrize(
    "value",
    [b"", b"\xc1", WHOLE.encode()[:-1], b"text", msgpack.packb([4, {}]), msgpack.packb([4, None])],
)
def test_what_is_no_position_is_said_to_be_none(value: bytes) -> None:
    with pytest.raises(PositionUnreadable, match="no position"):
        Position.decode(value)


def test_a_position_of_a_later_version_is_refused_by_its_layout() -> None:
    with pytest.raises(PositionUnreadable, match=r"its layout is 5; this version reads 4"):
        Position.decode(msgpack.packb([5, {}]))
