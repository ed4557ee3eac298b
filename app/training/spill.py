"""Records between two stages, in files: of each part one for each part of the next stage."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from operator import itemgetter
from pathlib import Path

import msgspec
from confluent_kafka import murmur2

from app.trial.records import TrialRecord
from topics.records import Outgoing

Spilled = tuple[int, bytes]
"""Place and value."""

_encode, _decode = msgspec.msgpack.encode, msgspec.msgpack.Decoder(Spilled).decode


def part_of(key: bytes | None, parts: int) -> int:
    """The part of a key."""
    return 0 if parts == 1 else murmur2(key or b"", parts)


def spill(folder: Path, part: int, parts: int, records: Iterable[Outgoing]) -> None:
    """Write what a part of a stage forwards, in the order of its places."""
    with ExitStack() as stack:
        files = [stack.enter_context(_file(folder, part, n).open("wb")) for n in range(parts)]
        for record in records:
            data = _encode((record.place, record.value or b""))
            files[record.partition or 0].write(len(data).to_bytes(4, "big") + data)


def spilled(folder: Path, part: int, parts: int, topic: str) -> Iterator[tuple[int, TrialRecord]]:
    """What all parts have forwarded to one, in the order of the places."""
    each = [_read(_file(folder, n, part)) for n in range(parts)]
    for offset, (place, value) in enumerate(heapq.merge(*each, key=itemgetter(0))):
        yield place, TrialRecord(topic, offset, None, value, partition_=part)


def _file(folder: Path, part: int, to: int) -> Path:
    return folder / f"{part}-{to}.spill"


def _read(path: Path) -> Iterator[Spilled]:
    with path.open("rb") as file:
        while size := file.read(4):
            yield _decode(file.read(int.from_bytes(size, "big")))
    path.unlink()


def marked(
    records: Iterable[tuple[int, TrialRecord]], marks: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int | None, TrialRecord | None]]:
    """Records with their marks; a mark that the part has no records behind comes alone.

    Args:
        records: With their places, ascending.
        marks: The first place behind each mark, and the mark; ascending.
    """
    at, mark = 0, None
    for place, record in records:
        while at < len(marks) and marks[at][0] <= place:
            mark = marks[at][1]
            at += 1
            yield place, mark, None
        yield place, mark, record
    for first, last in marks[at:]:
        yield first, last, None
