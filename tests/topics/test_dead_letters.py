"""A dead letter always fits: into its topic, into its headers."""

from __future__ import annotations

from typing import Any

from confluent_kafka import Message

from topics.dead_letters import LONGEST_MESSAGE, OMITTED, dead_letter, original_headers, reason
from topics.specs import LARGEST_LETTER


def record(key: bytes | None = b"k", value: bytes | None = b"v", **more: Any) -> Any:
    return Message(topic="t", partition=2, offset=7, key=key, value=value, **more)


def letter(record: Any, error: Exception | None = None) -> Any:
    return dead_letter("letters", record, "learn", error or ValueError("no"))


def test_the_reason_comes_back_from_the_headers() -> None:
    said = letter(record(headers=[("trace", b"x")]), KeyError("gone"))
    assert reason(said.headers) == ("t", 2, 7, "learn", "builtins.KeyError", "'gone'")
    assert original_headers(said.headers) == [("trace", b"x")]


def test_a_value_that_is_too_large_stays_where_it_is() -> None:
    said = letter(record(value=b"v" * (LARGEST_LETTER + 1)))
    assert said.value is None
    assert dict(said.headers)[OMITTED] == str(LARGEST_LETTER + 1).encode()


def test_a_value_that_fits_only_without_its_key_stays_too() -> None:
    said = letter(record(key=b"k" * 1000, value=b"v" * (LARGEST_LETTER - 500)))
    assert said.value is None
    assert len(said.key) == 1000


def test_key_and_headers_that_are_too_large_stay_and_the_reason_goes() -> None:
    half = LARGEST_LETTER // 2 + 1
    said = letter(record(key=b"k" * half, headers=[("h", b"h" * half)]))
    assert (said.key, said.value) == (None, b"v")
    assert original_headers(said.headers) == []
    assert reason(said.headers).offset == 7


def test_a_reason_as_long_as_a_book_is_cut() -> None:
    said = letter(record(), ValueError("x" * 10_000_000))
    assert len(reason(said.headers).message) == LONGEST_MESSAGE


def test_a_reason_that_utf_8_cannot_hold_is_told_all_the_same() -> None:
    assert reason(letter(record(), ValueError("a \ud800")).headers).message == "a \\ud800"
