"""Sends the events of a source to the events topic, and labels to that of the labels."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Producer

from app.pipeline.load import Pipeline
from app.replay.base import Source
from app.replay.records import (
    Encoded,
    ReplayError,
    channels,
    limited,
    records,
    refuse_lost,
)
from app.replay.sending import Progress, Sender
from topics.times import TimeLimits

__all__ = ["Progress", "ReplayError", "ReplayOptions", "due_times", "replay"]


@dataclass(frozen=True)
class ReplayOptions:
    """How a replay sends.

    Attributes:
        speed: Records a second; as fast as Kafka takes them unless given.
        pace: Seconds of event time that pass in a second, instead of `speed`.
        limit: Send that many events and no more.
        key: The field whose value is the key of the record; the pipeline's own, or else the
            source's, such as the card of a payment, or else the pipeline's id unless given.
    """

    speed: float | None = None
    pace: float | None = None
    limit: int | None = None
    key: str | None = None


AT_ONCE = ReplayOptions()


def replay(
    pipeline: Pipeline,
    source: Source,
    settings: Mapping[str, Any],
    options: ReplayOptions = AT_ONCE,
    *,
    show: Callable[[Progress], None] = lambda progress: None,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    limits: Mapping[str, TimeLimits] | None = None,
) -> Progress:
    """Send the events and labels of `source`, and wait until Kafka has acknowledged all of them.

    Args:
        pipeline: Names the topics, their formats and the fields of ids and keys.
        source: See `app.replay.sources.open_source`.
        settings: librdkafka's settings of a producer; see `app.kafka.clients.replay_producer`.
        options: How much, how fast, and by which key.
        show: Called a few times a second with the progress.
        progress: Counted up, so that it is known whatever happens.
        stop: Set it to end early, after all records of one time, so that another replay can go on
            after that time; a signal handler that raises would do so within librdkafka's
            callbacks, which lose the exception.
        limits: Topic to the timestamps that it takes.

    Returns:
        The final progress.

    Raises:
        SourceError: For a bad row; the events before it are delivered.
        ReplayError: For an event without its key, or when Kafka refused some; those that came
            into the same batch by chance are sent again, and nothing after that.
    """
    progress, stop = progress or Progress(), stop or threading.Event()
    run = Sender(Producer(dict(settings)), progress, show)
    to, limits = channels(pipeline, source, options.key), limits or {}
    events = limited(source.read(), options.limit, with_labels="label" in to)
    due = due_times(options)
    last = 0
    try:
        for number, record in enumerate(records(source, events, to)):
            run.wait_until(due(number, record), stop)
            if stop.is_set() and not (record.timestamp and record.timestamp == last):
                break
            if progress.failed or run.suspects:
                break
            refuse_lost(record, limits.get(record.topic), time.time() * 1000)
            run.send(record)
            last = record.timestamp
    finally:
        run.finish()
    if progress.failed:
        raise ReplayError(
            f"Kafka did not take {progress.failed} of {progress.sent} events; "
            f"the first is {progress.first_failure}. Nothing after it was sent: see --resume"
        )
    return progress


Due = Callable[[int, Encoded], float]
"""When a record is to be sent: seconds after the first one."""


def due_times(options: ReplayOptions) -> Due:
    """By so many records a second, or by so many seconds of event time a second, or at once."""
    return _by_number(options.speed) if options.pace is None else _by_time(options.pace)


def _by_number(speed: float | None) -> Due:
    return lambda number, record: 0.0 if speed is None else number / speed


def _by_time(pace: float) -> Due:
    first: int | None = None

    def due(number: int, record: Encoded) -> float:
        nonlocal first
        if not record.timestamp:
            raise ReplayError(f"{record.where}: has no time to keep a pace by (see --time)")
        first = record.timestamp if first is None else first
        return (record.timestamp - first) / 1000 / pace

    return due
