"""Shows a replay's progress on standard error: a bar in a terminal, else a line now and then."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from app.replay.replay import Progress

Show = Callable[[Progress], None]
LINE_SECONDS = 5.0


@contextmanager
def showing(name: str, total: int | None) -> Iterator[Show]:
    """Shows what it is given for as long as the block lasts; `total` is None if not known."""
    if sys.stderr.isatty():
        with _bar(name, total) as show:
            yield show
    else:
        yield _lines(name, total)


@contextmanager
def _bar(name: str, total: int | None) -> Iterator[Show]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[events]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=total, events="")

        def show(progress: Progress) -> None:
            bar.update(task, completed=progress.delivered, events=_figures(progress, total))

        yield show


def _lines(name: str, total: int | None) -> Show:
    next_line = time.monotonic() + LINE_SECONDS

    def show(progress: Progress) -> None:
        nonlocal next_line
        if time.monotonic() >= next_line:
            print(f"{name}: {_figures(progress, total)}", file=sys.stderr, flush=True)
            next_line += LINE_SECONDS

    return show


def _figures(progress: Progress, total: int | None) -> str:
    of_total = f" of {total:,}" if total is not None else ""
    failed = f", {progress.failed:,} failed" if progress.failed else ""
    return f"{progress.delivered:,}{of_total} events, {progress.rate:,.0f}/s{failed}"
