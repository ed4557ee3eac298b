"""The line on standard error that says how far a run over a file is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import click

SHOW_SECONDS = 2.0


def progress_line(name: str, total: int | None = None) -> Callable[[int, float], None]:
    """Shows records done and seconds now and then; in a terminal it overwrites the last line."""
    terminal, next_time = sys.stderr.isatty(), time.monotonic() + SHOW_SECONDS
    of_total = f" of {total:,}" if total else ""

    def show(done: int, seconds: float) -> None:
        nonlocal next_time
        if time.monotonic() < next_time:
            return
        next_time = time.monotonic() + (0.2 if terminal else SHOW_SECONDS)
        line = f"{name}: {done:,}{of_total} records, {done / seconds:,.0f}/s"
        click.echo(f"\r{line} " if terminal else line, err=True, nl=not terminal)

    return show
