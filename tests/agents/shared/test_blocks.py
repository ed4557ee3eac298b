"""What is too large for one record goes into several, in order."""

import pytest

from agents.blocks import LARGEST_BLOCK, blocks

SIZE = LARGEST_BLOCK // 10


def encode(rows: list[int]) -> bytes:
    return bytes(SIZE) * len(rows)


def part(rows: list[int], at: range) -> list[int]:
    return [rows[i] for i in at]


@pytest.mark.parametrize("count", [1, 10, 11, 57])
def test_blocks_are_small_enough_and_in_order(count: int) -> None:
    found = list(blocks(list(range(count)), count, encode, part))
    assert [row for rows, _ in found for row in rows] == list(range(count))
    assert all(value == encode(rows) and len(value) <= LARGEST_BLOCK for rows, value in found)
    assert len(found) == {1: 1, 10: 1, 11: 2, 57: 8}[count]


def test_what_cannot_be_divided_is_a_block_however_large() -> None:
    ((rows, value),) = blocks([7], 1, lambda _: bytes(2 * LARGEST_BLOCK), part)
    assert rows == [7]
    assert len(value) == 2 * LARGEST_BLOCK
