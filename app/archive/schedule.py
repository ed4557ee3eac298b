"""Does something every so often, until the process is told to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

import click
from confluent_kafka import KafkaException

from app.errors import RiverrunError


def repeat(work: Callable[[], None], seconds: float, stop: threading.Event | None = None) -> None:
    """Call `work` every so many seconds until SIGTERM or SIGINT; the first time at once.

    An error that one line explains, such as a store that is away, is told on standard error, and
    the next round tries again. Any other one ends it.

    Args:
        work: What is done.
        seconds: From the end of one call to the next.
        stop: Set to end it; in place of the signals.
    """
    if stop is None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    while not stop.is_set():
        try:
            work()
        except (RiverrunError, KafkaException) as error:
            click.echo(f"riverrun: {error}; tried again in {seconds:g} s", err=True)
        stop.wait(seconds)
