"""Dead letters: a record that could not be handled, with the reason in its headers.

The header names are those of Kafka Connect, so that its tools read ours.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from topics.records import Headers, Outgoing, Record
from topics.specs import LARGEST_LETTER

Stage = Literal["decode", "validate", "features", "predict", "learn", "store"]

PREFIX = "__connect.errors."
STAGE = PREFIX + "stage"

OMITTED = "riverrun.value.omitted"
"""The header that stands for a value that is too large: its size in bytes."""


LONGEST_MESSAGE = 10_000
"""Characters of an error that a letter carries."""


class DeadLetterReason(NamedTuple):
    """Why a record became a dead letter, and where it had been."""

    topic: str
    partition: int
    offset: int
    stage: str
    exception: str
    message: str


def dead_letter(topic: str, record: Record, stage: Stage, error: BaseException) -> Outgoing:
    """The dead letter for ``record``: its key, value, headers and timestamp as they were.

    A value over 8 MiB, key and headers counted, stays where it is: the letter says how many bytes
    it has, and where. Key and headers over 8 MiB stay there too.
    """
    kind = type(error)
    reason = {
        "topic": record.topic(),
        "partition": record.partition(),
        "offset": record.offset(),
        "stage": stage,
        "exception.class.name": f"{kind.__module__}.{kind.__qualname__}",
        "exception.message": str(error)[:LONGEST_MESSAGE],
    }
    headers = original_headers(record.headers() or [])
    key, value = record.key(), record.value()
    if _size(headers, key) > LARGEST_LETTER:
        key, headers = None, []
    if value is not None and _size(headers, key) + len(value) > LARGEST_LETTER:
        headers.append((OMITTED, str(len(value)).encode()))
        value = None
    headers += [(PREFIX + name, _bytes(text)) for name, text in reason.items()]
    _, timestamp = record.timestamp()
    return Outgoing(
        topic=topic,
        key=key,
        value=value,
        headers=headers,
        timestamp=timestamp if timestamp > 0 else None,
    )


def _size(headers: Headers, key: bytes | None) -> int:
    return len(key or b"") + sum(len(name) + len(value or b"") for name, value in headers)


def _bytes(value: object) -> bytes:
    return str(value).encode(errors="backslashreplace")


def reason(headers: Headers) -> DeadLetterReason:
    """Read the reason back from the headers of a dead letter; what is missing is empty or -1."""
    found = {name: (value or b"").decode(errors="replace") for name, value in headers}
    return DeadLetterReason(
        topic=found.get(PREFIX + "topic", ""),
        partition=int(found.get(PREFIX + "partition", "-1")),
        offset=int(found.get(PREFIX + "offset", "-1")),
        stage=found.get(PREFIX + "stage", ""),
        exception=found.get(PREFIX + "exception.class.name", ""),
        message=found.get(PREFIX + "exception.message", ""),
    )


def stage_of(headers: Headers) -> str:
    """The stage of a dead letter alone; empty where it names none."""
    for name, value in reversed(headers):
        if name == STAGE:
            return (value or b"").decode(errors="replace")
    return ""


def original_headers(headers: Headers) -> list[tuple[str, bytes | None]]:
    """The headers without the reason: those that the record had before."""
    return [(name, value) for name, value in headers if not name.startswith(PREFIX)]
