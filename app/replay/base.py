"""What a replay sends: events and labels, in their order."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from app.errors import RiverrunError


class SourceError(RiverrunError, ValueError):
    """A source that is not there, or a row of it that is no event."""


class Event(NamedTuple):
    """One event, and the line of the file (or the number in the data set) that it comes from.

    Attributes:
        line: See above.
        fields: Its value.
        kind: "label" where it is the label of an earlier event, for the topic of the labels.
        timestamp: When it happened, in milliseconds since 1970; None for the time of sending.
    """

    line: int
    fields: dict[str, Any]
    kind: Literal["event", "label"] = "event"
    timestamp: int | None = None


@dataclass(frozen=True)
class Source:
    """Events in their order.

    Attributes:
        name: Of the file, the data set or the simulator.
        read: Begins anew with each call.
        count: How many events there are; None where it is not known before the end.
        key: The field that keys the records; None for the pipeline's id.
        labels: The name of the file of the labels, where they have one of their own.
        simulated: Computed as it is read: to look through it costs as much as to send it.
        ordered: Reads it in the order of the times of a field, where it has no order of its own.
        time: The field with the times of its events; None where they have none of their own.
    """

    name: str
    read: Callable[[], Iterator[Event]]
    count: int | None = None
    key: str | None = None
    labels: str | None = None
    simulated: bool = False
    ordered: Callable[[str], Iterator[Event]] | None = None
    time: str | None = None

    def where(self, event: Event) -> str:
        """The place of an event, as errors name it: "history.csv:17"."""
        return f"{(event.kind == 'label' and self.labels) or self.name}:{event.line}"


@dataclass(frozen=True)
class LateLabels:
    """How labels that come later than their events are made.

    Attributes:
        id: The field of the event's id in a label.
        label: The field of the label.
        source: The field that says whose label it is; None for none.
        delay: Seconds after its event.
    """

    id: str
    label: str
    source: str | None = None
    delay: int = 7 * 86_400


def named(fields: Iterable[str], most: int = 12) -> str:
    """The names of the fields that a row has, for an error: the first ones, where there are many.

    >>> named(["id", "when", "x"]), named(map(str, range(20)), 3)
    ('id, when, x', '0, 1, 2 and 17 more')
    """
    names = list(fields)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
