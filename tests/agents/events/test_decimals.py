"""Digits become the float64 that Python's `float` makes of the same text."""

from __future__ import annotations

import math
import random
import struct

import numpy as np
import pytest

from agents.events.decimals import MOST_DIGITS, nearest

NORMAL = 2.2250738585072014e-308


def parsed(text: str) -> float:
    mantissa, _, exponent = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    return nearest(np.uint64(int(whole + fraction)), int(exponent or 0) - len(fraction))


def any_float(draw: random.Random) -> str:
    """Of any exponent, in the shortest form."""
    value = struct.unpack("d", struct.pack("Q", draw.getrandbits(63)))[0]
    return repr(value) if math.isfinite(value) else "0.0"


def any_digits(draw: random.Random) -> str:
    """Up to 63 bits, times any power of ten."""
    return f"{draw.getrandbits(draw.randrange(1, 64))}e{draw.randrange(-345, 310)}"


def near_a_tie(draw: random.Random) -> str:
    """54 bits, the last one set: half way between two floats, times a small power of ten."""
    return f"{draw.getrandbits(54) | 1 << 53 | 1}e{draw.randrange(-25, 25)}"


@pytest.mark.parametrize("text", [any_float, any_digits, near_a_tie])
def test_it_is_the_nearest_float_or_says_that_it_does_not_know(text: object) -> None:
    draw, known = random.Random(7), 0
    assert callable(text)
    for _ in range(20_000):
        number = text(draw)
        got, expected = parsed(number), float(number)
        if math.isnan(got):
            assert expected < NORMAL or math.isinf(expected), number
        else:
            known += 1
            assert got == expected, number
    assert known > 15_000


@pytest.mark.parametrize(
    "text",
    ["0", "0e400", "1", "9007199254740993", "9007199254740992.5", "1.7976931348623157e308",
     "2.2250738585072014e-308", "9223372036854775807", "1e22", "1e23", "8.5e-5", "0.1"],
)  # fmt: skip
def test_it_knows_the_borders(text: str) -> None:
    assert len(text.replace(".", "").partition("e")[0]) <= MOST_DIGITS
    assert parsed(text) == float(text)


@pytest.mark.parametrize("text", ["1e309", "1e-320", "5e-324"])
def test_it_does_not_know_what_is_no_normal_number(text: str) -> None:
    assert math.isnan(parsed(text))
