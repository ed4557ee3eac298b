"""The times of a replay: from which field they come, which part is sent, how fast they pass."""

import heapq
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import dropwhile, takewhile
from typing import Any, Literal

from app.pipeline.durations import parse_duration
from app.replay.base import Event, Source, SourceError, named

_YEAR_10000 = 253_402_300_800
_ALLOWED = 'must be seconds since 1970, or a date as in "2018-08-01" or "2018-08-01T12:30:00Z"'
_YEAR_FIRST = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})(?!\d)")
_YEAR_LAST = re.compile(r"\d{1,2}([-/.])\d{1,2}\1\d{2,4}(?!\d)")


def parse_time(value: Any) -> int:
    """Milliseconds since 1970 of a time in seconds, or of an ISO 8601 text; UTC unless it says.

    The parts of a date may also be parted by slashes or dots, as long as the year is the first.

    Raises ValueError for anything else.

    >>> parse_time("2012/1/31 08:00") == parse_time("2012-01-31T08:00Z")
    True
    """
    if isinstance(value, str):
        try:
            when = datetime.fromisoformat(_iso(value.strip()))
        except ValueError:
            raise ValueError(_refused(value)) from None
        value = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(_ALLOWED)
    if not 0 <= value < _YEAR_10000:
        raise ValueError(_ALLOWED)
    return round(value * 1000)


def _iso(text: str) -> str:
    """With "-" between the parts of a date whose year is the first."""
    found = _YEAR_FIRST.match(text)
    if found is None:
        return text
    year, month, day = found.groups()
    return f"{year}-{month:>02}-{day:>02}{text[found.end() :]}"


def _refused(text: str) -> str:
    if _YEAR_LAST.match(text.strip()):
        return f"is it the day or the month that comes first? Write the year first: it {_ALLOWED}"
    return _ALLOWED


def parse_pace(text: str) -> float:
    """Seconds of event time that pass in a second: "1d/10s" is 8640.

    Raises ValueError where it is not two lengths of time, both above zero.
    """
    event_time, slash, time = text.partition("/")
    try:
        passed, within = parse_duration(event_time), parse_duration(time)
    except ValueError:
        passed = within = 0.0
    if not slash or passed <= 0 or within <= 0:
        raise ValueError('must be event time / time, such as "1d/10s": a day in 10 seconds')
    return passed / within


def timed(source: Source, field: str, option: str = "--time") -> Source:
    """The source with the times of a field of its events; see `parse_time`.

    `option` is what names another field.

    Raises:
        SourceError: While reading, with the line, for an event without a time.
    """

    def read() -> Iterator[Event]:
        for event in source.read() if source.ordered is None else source.ordered(field):
            try:
                yield event._replace(timestamp=parse_time(event.fields[field]))
            except KeyError:
                what = f'has no field "{field}"; it has {named(event.fields)}'
                hint = f": {option} FIELD names that of the time"
                raise SourceError(f"{source.where(event)}: {what}{hint}") from None
            except ValueError as error:
                shown = f"{field} = {event.fields[field]!r}"
                raise SourceError(f"{source.where(event)}: {shown}: {error}") from None

    return replace(source, read=read, ordered=None, time=field)


def merged(events: Source, labels: Source) -> Source:
    """Both in one order of time; a label comes before an event of the same time."""

    def kinds(source: Source, kind: Literal["event", "label"]) -> Iterator[Event]:
        return (event._replace(kind=kind) for event in source.read())

    def read() -> Iterator[Event]:
        both = kinds(labels, "label"), kinds(events, "event")
        return heapq.merge(*both, key=lambda event: event.timestamp or 0)

    return replace(events, read=read, labels=labels.name)


def between(source: Source, since: int | None, until: int | None) -> Source:
    """From the first event or label at or after `since` to the last one before `until`.

    What is sent until some time and what is sent since then are together the whole, each once.

    Args:
        source: In the order of time.
        since: Milliseconds since 1970; None for the beginning.
        until: As `since`; None for the end.
    """
    if since is None and until is None:
        return source

    def read() -> Iterator[Event]:
        events = source.read()
        if since is not None:
            events = dropwhile(lambda event: _time(source, event) < since, events)
        if until is not None:
            events = takewhile(lambda event: _time(source, event) < until, events)
        return events

    return replace(source, read=read, count=None)


def after(source: Source, newest: int | None) -> Source:
    """What a replay that ended at the time `newest` has not sent; all where that is None."""
    return between(source, None if newest is None else newest + 1, None)


def _time(source: Source, event: Event) -> int:
    if event.timestamp is None:
        raise SourceError(f"{source.where(event)}: has no time to send a part by (see --time)")
    return event.timestamp
