"""What is shown of a moment of the demo."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from app.demo.desk import Seen
from app.demo.figures import Figures, History


class Note(NamedTuple):
    """Something that happened, so many seconds after the end of the history.

    `mark` is what the charts of the page call it; nothing where they do not show it.
    """

    seconds: float
    text: str
    bad: bool = False
    mark: str = ""


class Notes:
    """What happened, told by any thread."""

    def __init__(self) -> None:
        self.all: list[Note] = []
        self._started: float | None = None

    @property
    def seconds(self) -> float:
        """Since the stream began; 0 before it does."""
        return 0.0 if self._started is None else time.monotonic() - self._started

    def start(self) -> None:
        """The stream begins."""
        self._started = time.monotonic()

    def add(self, text: str, *, bad: bool = False, mark: str = "") -> None:
        """It happened now."""
        self.all.append(Note(self.seconds, text, bad, mark))


class Moment(NamedTuple):
    """All that is shown of a moment.

    Attributes:
        learner: The type of the learner.
        now: The time of the latest payment, in seconds since 1970.
        figures: The numbers.
        history: Those of before.
        seen: By the desk.
        budget: Cards that it looks at in a day.
        notes: What happened, the oldest first.
        until: Seconds after which no more is sent; 0: until Ctrl-C.
        state: What it is doing, where that is not the sending.
        links: Where more is to be seen.
    """

    learner: str
    now: int
    figures: Figures
    history: History
    seen: Seen
    budget: int
    notes: Sequence[Note]
    until: float
    state: str = ""
    links: Sequence[str] = ()
