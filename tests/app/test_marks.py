"""What `riverrun inspect` says of the marks of a mixed model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from confluent_kafka import Message

from agents.shared.mark import LAYOUT, Mark
from app.kafka.reading import Reader
from app.marks import NewestMark, marks_lines, newest_marks
from app.pipeline.load import Pipeline
from tests.app.pipeline_files import LABEL, read


def mark(number: int, at: int, change: bytes | None = None) -> bytes:
    since = None if number == 0 else at - 1
    return Mark(LAYOUT, "scheme", "origin", 3, number, since, at, 10 * number, change).encode()


class Holding:
    """A reader of a topic with these records: partition, offset, value."""

    def __init__(self, *records: tuple[int, int, bytes | None]) -> None:
        self._records = records

    def read(self, topic: str) -> list[Any]:
        return [
            Message(topic=topic, partition=partition, offset=offset, value=value)
            for partition, offset, value in self._records
        ]


@pytest.fixture
def mixed(tmp_path: Path) -> Pipeline:
    """A pipeline whose marks are an hour apart."""
    text = LABEL.replace("passive_aggressive", "logistic_regression")
    return read(tmp_path, text + 'shared = "mix"\nmark = "1h"\n')


def test_the_last_mark_of_each_partition_is_taken(mixed: Pipeline) -> None:
    records = [(0, 0, mark(0, 7)), (1, 0, mark(0, 7)), (0, 1, mark(1, 9, b"12"))]
    found = newest_marks(mixed, cast(Reader, Holding(*records)))
    assert found == {
        0: NewestMark(9, 9 * 3600.0, 2, 10, len(mark(1, 9, b"12"))),
        1: NewestMark(7, 7 * 3600.0, 1, 0, len(mark(0, 7))),
    }


def test_a_damaged_mark_has_its_place_and_hides_no_other(mixed: Pipeline) -> None:
    records = [(0, 0, mark(0, 7)), (1, 5, b"no mark"), (2, 3, None)]
    found = newest_marks(mixed, cast(Reader, Holding(*records)))
    topic = mixed.marks_topic
    assert found[0].problem is None
    assert (found[1].problem or "").startswith(f"{topic}[1]@5: no mark")
    assert (found[2].problem or "").startswith(f"{topic}[2]@3: no mark")


def test_it_is_said_who_is_last_and_by_how_much() -> None:
    newest = {0: NewestMark(9, 9 * 3600.0, 2, 10, 300), 1: NewestMark(7, 7 * 3600.0, 1, 0, 80)}
    assert list(marks_lines({**newest, 2: None}, 3600.0)) == [
        "one model, mixed at marks 3600 s apart: partition 1 is the last, at 1970-01-01 07:00:00"
        " UTC, the first is 2 marks ahead; the largest mark has 300 B; no mark yet of partition 2"
    ]
    assert not list(marks_lines({0: None}, 3600.0))
