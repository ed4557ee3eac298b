"""From the digits of a number to the float64 that is nearest, compiled.

D. Lemire: Number Parsing at a Gigabyte per Second. Software: Practice and Experience 51 (2021),
algorithm 1, with the proof of Mushtak and Lemire (2023) that it needs no fall-back. The result
has the bits of Python's `float` of the same text.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from learners.engine.kernels import helper, inlined

Words = NDArray[np.uint64]

MOST_DIGITS = 19
"""Significant digits that fit into 64 bits, whatever they are."""
_LEAST, _MOST = -342, 308
"""Decimal exponents beyond which a number is 0 or infinite."""
_EXACT = 22
"""Ten to the power of this, and less, is a float64 without an error."""


def _powers_of_five() -> tuple[Words, Words]:
    """High and low words of the 128 leading bits of 5**q, q from `_LEAST` to `_MOST`."""
    high, low = [], []
    for q in range(_LEAST, _MOST + 1):
        if q >= 0:
            power = 5**q
        else:
            bits = (5**-q - 1).bit_length()
            power = (1 << (bits + 127 if q >= -27 else 2 * bits + 128)) // 5**-q + 1
        excess = power.bit_length() - 128
        power = power >> excess if excess > 0 else power << -excess
        high.append(power >> 64)
        low.append(power & (2**64 - 1))
    return np.array(high, np.uint64), np.array(low, np.uint64)


_HIGH, _LOW = _powers_of_five()
_TENS = np.array([10.0**q for q in range(_EXACT + 1)])


@inlined
def nearest(digits: np.uint64, exponent: int) -> float:
    """digits x 10**exponent, rounded to the nearest float64, ties to even.

    NaN where that is no normal number, or 0 of a digit: the caller asks another way.
    """
    if digits == np.uint64(0):
        return 0.0
    if digits <= np.uint64(1 << 53) and -_EXACT <= exponent <= _EXACT:
        ten = float(_TENS[abs(exponent)])
        return float(digits) * ten if exponent >= 0 else float(digits) / ten
    return _by_products(digits, exponent)


@helper
def _by_products(digits: np.uint64, exponent: int) -> float:
    """Lemire's algorithm, of digits that are not 0."""
    if exponent < _LEAST or exponent > _MOST:
        return math.nan
    leading = _leading_zeros(digits)
    word = digits << np.uint64(leading)
    high, low = _product(word, exponent)
    upper = int(high >> np.uint64(63))
    shift = upper + 64 - 52 - 3
    mantissa = high >> np.uint64(shift)
    power = ((217706 * exponent) >> 16) + 63 + upper - leading + 1023
    if power <= 0:
        return math.nan
    # Half way between two floats, where the product is exact: down to the even one.
    if (
        low <= np.uint64(1)
        and -4 <= exponent <= 23
        and (mantissa & np.uint64(3)) == np.uint64(1)
        and (mantissa << np.uint64(shift)) == high
    ):
        mantissa &= ~np.uint64(1)
    mantissa += mantissa & np.uint64(1)
    mantissa >>= np.uint64(1)
    if mantissa >= np.uint64(1 << 53):
        mantissa = np.uint64(1 << 52)
        power += 1
    if power >= 2047:
        return math.nan
    value: float = math.ldexp(float(mantissa), power - 1075)
    return value


@helper
def _product(word: np.uint64, exponent: int) -> tuple[np.uint64, np.uint64]:
    """The 128 leading bits of word x 5**exponent, as exact as is needed."""
    high, low = _multiply(word, _HIGH[exponent - _LEAST])
    rest = np.uint64(511)  # the bits below the 55 that count
    if (high & rest) == rest:
        more, _ = _multiply(word, _LOW[exponent - _LEAST])
        low += more
        if more > low:
            high += np.uint64(1)
    return high, low


@helper
def _multiply(a: np.uint64, b: np.uint64) -> tuple[np.uint64, np.uint64]:
    """The 128 bits of a product: high word, low word."""
    half, mask = np.uint64(32), np.uint64(0xFFFFFFFF)
    a1, a0, b1, b0 = a >> half, a & mask, b >> half, b & mask
    low, mid, cross = a0 * b0, a1 * b0, a0 * b1
    carry = (low >> half) + (mid & mask) + (cross & mask)
    high = a1 * b1 + (mid >> half) + (cross >> half) + (carry >> half)
    return high, (carry << half) | (low & mask)


@helper
def _leading_zeros(word: np.uint64) -> int:
    """Of a word that is not 0."""
    count, width = 0, 32
    while width > 0:
        if word >> np.uint64(64 - width) == np.uint64(0):
            word <<= np.uint64(width)
            count += width
        width //= 2
    return count
