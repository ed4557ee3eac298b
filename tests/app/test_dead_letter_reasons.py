"""Dead letters by their reasons: values differ, reasons do not."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from app import dead_letter_reasons
from app.commands.dead_letters import by_reason, group_as_line, group_as_text
from app.dead_letter_reasons import grouped, without_values
from app.dead_letters import Letter
from app.trial.run import run
from app.trial.topics import TrialTopics
from tests.app.trial.streams import source, write
from topics.dead_letters import reason


def test_the_letters_of_a_stream_are_few_reasons_each_with_its_first(tmp_path: Path) -> None:
    pipeline = write(tmp_path, orders=900)
    topics = TrialTopics(pipeline, run(pipeline, source(tmp_path)))
    letters = [Letter(it, reason(it.headers())) for it in topics.letters()]
    groups, left = by_reason(letters)
    assert left == 0
    assert sum(group.count for group in groups) == len(letters)
    assert [group.count for group in groups] == sorted((g.count for g in groups), reverse=True)
    first = {without_values(g.first.reason.message): (g.count, g.first) for g in groups}
    assert len(first) == len(groups) < len(letters)
    count, letter = first["Expected a number, got a text - at `$.amount`"]
    assert (count, letter.reason.topic, letter.reason.offset) == (3, "shop.orders", 13)
    of_amounts = next(g for g in groups if g.first is letter)
    text = group_as_text(of_amounts)
    assert text.startswith("3 times, the first: shop.orders[0]@13  validate  InvalidEvent: ")
    line = msgspec.json.decode(group_as_line(of_amounts))
    assert (line["count"], line["offset"], line["stage"]) == (3, 13, "validate")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("label 'yes': takes true", "label 'it\\'s': takes true"),
        ("x: -1.5e+300 is not finite", "x: 7 is not finite"),
        ("the value has 1,000,001 bytes", "the value has 2,000,000 bytes"),
    ],
)
def test_messages_that_differ_in_values_are_one_reason(one: str, other: str) -> None:
    assert without_values(one) == without_values(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("a1: nothing", "a2: nothing"), ("at `$.x1`", "at `$.x2`"), ('no "a"', 'no "b"')],
)
def test_messages_of_other_fields_are_other_reasons(one: str, other: str) -> None:
    assert without_values(one) != without_values(other)


def test_there_is_room_for_so_many_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letter_reasons, "MOST", 3)
    groups, left = grouped("abcdeabb", lambda message: ("learn", message))
    assert [(group.first, group.count) for group in groups] == [("b", 3), ("a", 2), ("c", 1)]
    assert left == 2
