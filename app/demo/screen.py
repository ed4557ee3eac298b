"""Shows the demo on standard error: a picture in a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.demo.moment import Moment
from app.demo.view import as_line, frame

LINE_SECONDS = 5.0
Tell = Callable[[str], None]
Count = Callable[[int], None]
Show = Callable[[Moment], None]


class Screen(Protocol):
    """Where the demo shows itself."""

    def tell(self, line: str) -> None:
        """A line that stays."""

    def step(self, what: str) -> AbstractContextManager[Tell]:
        """A step of the start; its progress can be told while the block lasts."""

    def bar(self, what: str, total: int) -> AbstractContextManager[Count]:
        """Something to be counted; how many are done can be told while the block lasts."""

    def live(self) -> AbstractContextManager[Show]:
        """The stream; its moments can be shown while the block lasts."""


def screen() -> Screen:
    """The right one for standard error."""
    console = Console(stderr=True, highlight=False)
    return Picture(console) if console.is_terminal else Lines()


class Lines:
    """Plain lines: what happens at once, the figures every 5 seconds."""

    def tell(self, line: str) -> None:
        """Print a line."""
        print(f"riverrun: {line}", file=sys.stderr, flush=True)

    @contextmanager
    def step(self, what: str) -> Iterator[Tell]:
        """Print the progress, and in the end what was done."""
        started = time.monotonic()
        yield self.tell
        self.tell(f"{what}, {time.monotonic() - started:.1f} s")

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Count]:
        """Print how far it is, and in the end what was done."""
        started, due = time.monotonic(), LINE_SECONDS

        def count(done: int) -> None:
            nonlocal due
            if time.monotonic() - started >= due:
                self.tell(f"{what}, {done:,} of {total:,}")
                due += LINE_SECONDS

        yield count
        self.tell(f"{what}, {time.monotonic() - started:.1f} s")

    @contextmanager
    def live(self) -> Iterator[Show]:
        """Print what happened since the last moment, and the figures when it is time."""
        told, due = 0, LINE_SECONDS

        def show(moment: Moment) -> None:
            nonlocal told, due
            for note in moment.notes[told:]:
                self.tell(f"{note.seconds:.1f} s: {note.text}")
            told = len(moment.notes)
            if moment.figures.seconds >= due:
                self.tell(as_line(moment))
                due = moment.figures.seconds // LINE_SECONDS * LINE_SECONDS + LINE_SECONDS

        yield show


class Picture:
    """A picture that moves, at most four times a second.

    Args:
        console: Of a terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._done = "+" if console.options.ascii_only else "✓"

    def tell(self, line: str) -> None:
        """Print a line."""
        self._console.print(line, markup=False)

    @contextmanager
    def step(self, what: str) -> Iterator[Tell]:
        """A spinner beside the step, then a mark before it."""
        started = time.monotonic()
        with self._console.status(f"[dim]{what}") as status:
            yield lambda line: status.update(f"[dim]{line.strip()}")
        seconds = time.monotonic() - started
        self._console.print(f"[green]{self._done}[/] {what} [dim]{seconds:.1f} s")

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Count]:
        """A bar that gives way to a mark."""
        started = time.monotonic()
        columns = (
            TextColumn("[dim]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task(what, total=total)
            yield lambda done: progress.update(task, completed=done)
        seconds = time.monotonic() - started
        self._console.print(f"[green]{self._done}[/] {what} [dim]{seconds:.1f} s")

    @contextmanager
    def live(self) -> Iterator[Show]:
        """The frame of each moment in the place of the one before; the last one stays."""
        with Live(console=self._console, auto_refresh=False, vertical_overflow="crop") as live:
            yield lambda moment: live.update(frame(moment, self._console.height), refresh=True)
