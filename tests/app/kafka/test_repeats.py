"""What was told a moment ago is not told again."""

from __future__ import annotations

import logging

from app.kafka.repeats import NotAgain


def line(text: str, at: float) -> logging.LogRecord:
    record = logging.Logger("kafka").makeRecord("kafka", logging.ERROR, "", 0, text, (), None)
    record.created = at
    return record


def test_a_line_comes_once_in_its_time_whatever_its_numbers() -> None:
    spared = NotAgain(30.0)
    told = [spared.filter(line(f"refused after {at} ms", at)) for at in range(100)]
    assert [at for at, was in enumerate(told) if was] == [0, 30, 60, 90]


def test_another_line_is_told_at_once() -> None:
    spared = NotAgain(30.0)
    assert spared.filter(line("refused", 0.0))
    assert spared.filter(line("fenced", 0.1))
    assert not spared.filter(line("refused", 0.2))


def test_memory_is_bounded() -> None:
    spared = NotAgain(30.0)
    for i in range(5_000):
        assert spared.filter(line("x" * i, 0.0))
    assert not spared.filter(line("x" * 4_999, 0.1))
    assert len(spared._logged) <= 1_001
