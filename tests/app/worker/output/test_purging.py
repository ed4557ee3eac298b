"""What was read between two stages is deleted, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from app.worker.output.purging import Purger

ADMIN = {"bootstrap.servers": "localhost:1"}


class Asked:
    """An admin client that notes what it is asked for, and answers when it is told to."""

    def __init__(self) -> None:
        self.offsets: list[dict[str, int]] = []
        self.answers: list[Future[Any]] = []

    def delete_records(self, asked: Sequence[TopicPartition], **_: float) -> dict[int, Future[Any]]:
        self.offsets.append({f"{tp.topic}/{tp.partition}": tp.offset for tp in asked})
        self.answers = [Future() for _ in asked]
        return dict(enumerate(self.answers))


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def purger(asked: Asked) -> Purger:
    made = Purger(ADMIN, ["inner"])
    made._admin = asked  # type: ignore[assignment]
    return made


def test_only_what_lies_between_two_stages_is_deleted(purger: Purger, asked: Asked) -> None:
    purger.purge({("inner", 0): 5, ("events", 0): 9, ("inner", 1): 0})
    assert asked.offsets == [{"inner/0": 5}]


def test_nothing_is_asked_twice_nor_while_an_answer_is_awaited(
    purger: Purger, asked: Asked
) -> None:
    purger.purge({("inner", 0): 5})
    purger.purge({("inner", 0): 8})
    assert len(asked.offsets) == 1
    asked.answers[0].set_result(None)
    purger.purge({("inner", 0): 5})
    purger.purge({("inner", 0): 8})
    assert asked.offsets == [{"inner/0": 5}, {"inner/0": 8}]


def test_a_refusal_is_told_once_and_stops_nothing(
    purger: Purger, asked: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "riverrun.worker"):
        for offset in (5, 6, 7):
            purger.purge({("inner", 0): offset})
            asked.answers[0].set_exception(RuntimeError("no right to delete"))
    assert len(asked.offsets) == 3
    assert [r.getMessage() for r in caplog.records if "no right" in r.getMessage()] == [
        "what was read between two stages is not deleted, only by its retention: no right to delete"
    ]


def test_a_pipeline_of_one_stage_asks_for_nothing() -> None:
    purger = Purger(ADMIN, [])
    purger.purge({("events", 0): 5})
    assert purger._asked == []
