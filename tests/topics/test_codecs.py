"""Both formats speak the same language, and say in the same way what they cannot read."""

from __future__ import annotations

from typing import Any

import pytest

from topics.codecs import FORMATS, Codec
from topics.errors import DecodeError, UnknownFormat
from topics.records import ModelVersion, Prediction, Source


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("value", [{}, {"a": [1, 2.5, None, True, "ä"]}, "text", 2**64 - 1])
def test_what_is_encoded_comes_back(name: str, value: Any) -> None:
    codec = Codec(name)
    assert codec.decode(codec.encode(value)) == value


@pytest.mark.parametrize("name", FORMATS)
def test_a_prediction_comes_back_typed(name: str) -> None:
    said = Prediction("a", True, 0.5, ModelVersion("p", 3), Source("t", 1, 9))
    codec = Codec(name)
    assert codec.decoder(Prediction)(codec.encode(said)) == said


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("value", "why"),
    [(None, "the value is empty"), (b"", "not valid"), (b"\xc1", "not valid")],
)
def test_what_cannot_be_read_is_told(name: str, value: bytes | None, why: str) -> None:
    with pytest.raises(DecodeError, match=why):
        Codec(name).decode(value)


@pytest.mark.parametrize(("name", "deep"), [("json", b"["), ("msgpack", b"\x91")])
def test_nesting_that_is_too_deep_is_told(name: str, deep: bytes) -> None:
    with pytest.raises(DecodeError, match="too deep"):
        Codec(name).decode(deep * 100_000)


def test_an_unknown_format_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UnknownFormat, match="'xml' is unknown; known are json, msgpack"):
        Codec("xml")


def test_a_byte_order_mark_is_named() -> None:
    with pytest.raises(DecodeError, match="begins with a byte order mark"):
        Codec("json").decode(b'\xef\xbb\xbf{"a": 1}')
