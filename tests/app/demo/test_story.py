"""What the demo tells its page: the sentence of the moment, its account and its marks."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from app.demo.desk import Seen, Tally
from app.demo.figures import Figures, History
from app.demo.ledger import Totals
from app.demo.moment import Moment, Note
from app.demo.story import StoryFile, headline
from app.demo.world import DELAY_DAYS, PATTERN_DAY
from app.fraud.transactions import DAY, EPOCH

FIGURES = Figures(1.0, 9, 1, 8, 1.0, 1, 0.0, 8, math.nan, math.nan, 3, 0)
CAUGHT = Tally(PATTERN_DAY, 65, {"model": 42, "frozen": 4, "rule": 2})


def moment(day: int, *tallies: Tally, notes: tuple[Note, ...] = ()) -> Moment:
    seen = Seen(counts=(100, 80, 30), tallies=tallies)
    return Moment("svm", EPOCH + day * DAY, FIGURES, History((), ()), seen, 20, notes, 60.0, "", ())


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (moment(PATTERN_DAY - 1), "100 alerts so far; of the 80 whose labels came, 30 were fraud."),
        (moment(PATTERN_DAY, CAUGHT), "its labels come 7 days late: the live model catches 42 of"),
        (
            moment(PATTERN_DAY + DELAY_DAYS, CAUGHT),
            "Catches 42 of 65 payments of the new fraud today;",
        ),
    ],
)
def test_the_headline_follows_the_story(now: Moment, says: str) -> None:
    assert says in headline(now)


def test_the_account_and_the_marks_are_told_at_the_time_of_the_stream(tmp_path: Path) -> None:
    file = tmp_path / "story.json"
    story = StoryFile(file)
    killed = Note(3.0, "worker 1 killed with -9 (process 7)", bad=True, mark="worker 1 killed")
    quiet = Note(4.0, "nothing for the charts")
    totals = Totals(9, 1, 8, 0, 1, 0)
    story.moment(moment(PATTERN_DAY, CAUGHT, notes=(killed, quiet)), totals)
    story.moment(moment(PATTERN_DAY + DELAY_DAYS, CAUGHT, notes=(killed, quiet)), totals)
    said = json.loads(file.read_text())
    assert said["account"] == {"in": 9, "answered": 8, "waiting": 1, "twice": 0}
    begins = (EPOCH + PATTERN_DAY * DAY) * 1000
    assert [(mark["at"], mark["text"]) for mark in said["marks"]] == [
        (begins, "a new fraud begins"),
        (begins + DELAY_DAYS * DAY * 1000, "its first labels come"),
        (begins, "worker 1 killed"),
    ]
    assert [note["text"] for note in said["notes"]] == [quiet.text, killed.text]
    assert said["controls"] == []
    assert said["lead"]["model"] == [round(42 / 65, 4)]
