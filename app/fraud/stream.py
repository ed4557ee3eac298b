"""Transactions as the records of two topics: the event, and days later its label."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

from app.fraud.transactions import DAY, EPOCH, Transactions

DELAY = 7 * DAY
"""Seconds that a label takes."""
CHARGEBACK = "chargeback"
"""Whose label it is: the card holder complained, some days later."""

Row = tuple[int, int, int, int, float, bool, int]


class Record(NamedTuple):
    """What is to be sent.

    Attributes:
        kind: Which topic.
        key: The card: labels lie in the partition of their events.
        value: `{"id", "time", "card", "terminal", "amount"}`, or of a label
            `{"id", "time", "card", "terminal", "fraud"}`; times in seconds since 1970.
        timestamp: The time of the event or of the label, in milliseconds since 1970.
    """

    kind: Literal["event", "label"]
    key: str
    value: dict[str, Any]
    timestamp: int


class Names(NamedTuple):
    """What is called how.

    Attributes:
        id: The field of an event's id.
        label: The field of the label.
        prefix: The first part of the ids.
        label_id: The field of the event's id in a label that comes later.
        source: The field that says whose label it is: "chargeback". None for none.
    """

    id: str = "id"
    label: str = "fraud"
    prefix: str = "handbook"
    label_id: str = "id"
    source: str | None = None


def events(days: Iterable[Transactions], names: Names, labelled: bool) -> Iterator[Record]:
    """The events alone, each with its label if `labelled`."""
    for day in days:
        for row in day.rows():
            record = _event(row, names)
            yield record._replace(value=record.value | _label(row, names)) if labelled else record


def merged(
    days: Iterable[Transactions], names: Names | None = None, delay: int = DELAY
) -> Iterator[Record]:
    """Events and labels in the order of time; a label comes before an event of the same second.

    What waits for its label is held in memory: the transactions of `delay` seconds.
    """
    names = names or Names()
    waiting: deque[Row] = deque()
    for day in days:
        for row in day.rows():
            while waiting and waiting[0][1] + delay <= row[1]:
                yield _late_label(waiting.popleft(), names, delay)
            yield _event(row, names)
            waiting.append(row)
    for row in waiting:
        yield _late_label(row, names, delay)


def _event(row: Row, names: Names) -> Record:
    fields = _who(row, names.id, names.prefix, 0) | {"amount": row[4]}
    return Record("event", fields["card"], fields, fields["time"] * 1000)


def _late_label(row: Row, names: Names, delay: int) -> Record:
    fields = _who(row, names.label_id, names.prefix, delay) | _label(row, names)
    if names.source is not None:
        fields[names.source] = CHARGEBACK
    return Record("label", fields["card"], fields, fields["time"] * 1000)


def _who(row: Row, id_field: str, prefix: str, delay: int) -> dict[str, Any]:
    number, time, card, terminal = row[:4]
    return {
        id_field: f"{prefix}-{number:07}",
        "time": EPOCH + time + delay,
        "card": f"c{card}",
        "terminal": f"t{terminal}",
    }


def _label(row: Row, names: Names) -> dict[str, bool]:
    return {names.label: row[5]}
