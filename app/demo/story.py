"""Tells the page of the demo what no topic holds: how the story goes, and the account of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.evaluation.figures import RIVALS
from app.demo.desk import Tally
from app.demo.ledger import Totals
from app.demo.moment import Moment, Note
from app.demo.view import NAMES
from app.demo.world import DELAY_DAYS, PATTERN_DAY, day_of
from app.fraud.transactions import DAY, EPOCH

TITLE = "Card fraud"
LAST_NOTES = 8
Controls = Sequence[Mapping[str, object]]
MARKS = (
    (PATTERN_DAY, "a new fraud begins"),
    (PATTERN_DAY + DELAY_DAYS, "its first labels come"),
)


class StoryFile:
    """Writes the story for the workers' pages, which read it whenever it has changed.

    Args:
        file: Replaced whole, so that nobody reads half of it.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._marks: dict[Note, int] = {}

    def tell(self, headline: str, **more: Any) -> None:
        """Tell something."""
        before = self._file.with_suffix(".new")
        before.write_text(json.dumps({"title": TITLE, "headline": headline, **more}))
        before.replace(self._file)

    def moment(self, moment: Moment, totals: Totals, controls: Controls = ()) -> None:
        """Tell a moment of the stream, and what visitors may ask for."""
        for note in moment.notes:
            self._marks.setdefault(note, moment.now * 1000)
        self.tell(
            headline(moment),
            account={
                "in": totals.sent,
                "answered": totals.sent - totals.missing,
                "waiting": totals.missing,
                "twice": totals.doubled,
            },
            lead={
                "title": "Payments of the new fraud that were alerts, by day",
                "days": [(EPOCH + tally.day * DAY) * 1000 for tally in moment.seen.tallies],
                **{rival: shares(moment.seen.tallies, rival) for rival in RIVALS},
            },
            marks=self._all_marks(moment.now),
            notes=self._last_notes(),
            state=moment.state,
            controls=list(controls),
        )

    def _all_marks(self, now: int) -> list[dict[str, Any]]:
        days = [(EPOCH + day * DAY, text) for day, text in MARKS]
        marks = [{"at": at * 1000, "text": text, "bad": False} for at, text in days if at <= now]
        noted = [
            {"at": at, "text": note.mark, "bad": note.bad}
            for note, at in self._marks.items()
            if note.mark
        ]
        return [*marks, *noted]

    def _last_notes(self) -> list[dict[str, Any]]:
        """The newest first, each with the time of the stream at which it was first told."""
        last = list(self._marks.items())[: -LAST_NOTES - 1 : -1]
        return [{"at": at, "text": note.text, "bad": note.bad} for note, at in last]


def shares(tallies: Sequence[Tally], rival: str) -> list[float]:
    """Of the payments of each day that were alerts."""
    return [round(tally.share(rival), 4) for tally in tallies]


def headline(moment: Moment) -> str:
    """The sentence that sums up the moment."""
    tallies = [tally for tally in moment.seen.tallies if tally.payments]
    if not tallies:
        alerts, labelled, frauds = moment.seen.counts
        return (
            f"{alerts:,} alerts so far; of the {labelled:,} whose labels came,"
            f" {frauds:,} were fraud. A new fraud begins on {day_of(PATTERN_DAY):%B %-d}."
        )
    last = tallies[-1]
    caught = "; ".join(f"{NAMES[rival]}: {last.caught[rival]}" for rival in RIVALS[1:])
    if moment.now < EPOCH + (PATTERN_DAY + DELAY_DAYS) * DAY:
        return (
            f"A new fraud is under way, and its labels come {DELAY_DAYS} days late: the live model"
            f" catches {last.caught['model']} of its {last.payments} payments today; {caught}."
        )
    found = f"{last.caught['model']} of {last.payments} payments"
    return f"Catches {found} of the new fraud today; {caught}."
