"""Lengths of time need a unit."""

import pytest

from app.pipeline.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("100ms", 0.1),
        ("15 ms", 0.015),
        ("0s", 0),
        ("1.5s", 1.5),
        ("2m", 120),
        ("3h", 10_800),
        ("8d", 691_200),
    ],
)
def test_a_length_of_time_is_read_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "value", ["", "5", "s", "5 weeks", "1h30m", "1e3s", "5 S", 5, 0.5, None, True]
)
def test_a_length_of_time_without_a_known_unit_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="with its unit"):
        parse_duration(value)


def test_a_negative_length_of_time_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        parse_duration("-1s")
