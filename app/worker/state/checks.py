"""Compares a state that was read with what its position says of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from agents.state import Checksum
from app.kafka.identity import Identity
from app.worker.state.flaws import Flaw, StateDamaged
from app.worker.state.inventory import Extent
from app.worker.state.layout import MODEL, POSITION, digest_of, log_key
from app.worker.state.position import OlderLayout, Position, PositionUnreadable
from app.worker.state.reader import StateReader


@dataclass(frozen=True, slots=True)
class Found:
    """A state as it lies on its topic.

    Attributes:
        position: What it says; None where nothing was written yet.
        checksum: Of its entries, without the model and the position.
        flaws: What of it is not as it was written.
        older: It is of a layout that this version does not read.
    """

    position: Position | None
    checksum: Checksum
    flaws: tuple[Flaw, ...]
    older: bool = False


def checked(reader: StateReader) -> Found:
    """A state that was read to its end, compared with its own position."""
    flaws: list[Flaw] = []
    try:
        reader.finish()
    except StateDamaged as error:
        flaws += error.flaws
    raw, position = reader.store.get(POSITION), None
    if raw is not None:
        try:
            position = Position.decode(raw)
        except OlderLayout as error:
            flaw = Flaw(str(error), POSITION, reader.position_offset)
            return Found(None, Checksum(0, 0), (flaw,), older=True)
        except PositionUnreadable as error:
            flaws.append(Flaw(str(error), POSITION, reader.position_offset))
    checksum = reader.checksum
    if position is not None and position.checksum is None:
        flaws.append(Flaw("it names no checksum", POSITION, reader.position_offset))
    elif position is not None and position.checksum is not None:
        reader.inventory.become(position.extent)
        flaws += _later(reader, {flaw.key for flaw in flaws})
        flaws += _missing(reader, position.extent, {flaw.key for flaw in flaws})
        flaws += _compared(reader, position, position.checksum, checksum, {f.key for f in flaws})
    elif raw is None and not flaws and (checksum.size or reader.position_offset is not None):
        flaws.append(
            Flaw("it is missing, and the state has other records", POSITION, reader.position_offset)
        )
    return Found(position, checksum, tuple(flaws))


def _later(reader: StateReader, known: Collection[str | None]) -> Iterator[Flaw]:
    """What was written after the position, which a worker always writes last."""
    for key, offset in reader.later.items():
        if key not in known:
            what = f"it was written after the position (@{reader.position_offset}), by no worker"
            yield Flaw(what, key, offset)


def _missing(reader: StateReader, extent: Extent, known: Collection[str | None]) -> Iterator[Flaw]:
    """Records of log and base that the position names, and that are not there."""
    logs, pieces = reader.inventory.logs, reader.inventory.pieces
    for number in range(extent.first, extent.end):
        if number not in logs and log_key(number) not in known:
            yield Flaw("it is missing", log_key(number))
    if len(pieces) != extent.pieces:
        yield Flaw(
            f"{len(pieces)} records of the base are there, and the position"
            f" (@{reader.position_offset}) names {extent.pieces}"
        )


def _compared(
    reader: StateReader,
    position: Position,
    expected: Checksum,
    found: Checksum,
    known: Collection[str | None],
) -> Iterator[Flaw]:
    if MODEL not in known and (what := _model_flaw(reader, position)):
        yield Flaw(what, MODEL)
    if found != expected and not set(known) - {MODEL}:
        number = f"{found.size:,} entries" if found.size != 1 else "1 entry"
        yield Flaw(
            f"{number} besides the model, and the position (@{reader.position_offset}) names"
            f" {expected.size:,}: some are missing or older than it"
            if found.size != expected.size
            else f"of {number} besides the model at least one is not the one that the position"
            f" (@{reader.position_offset}) names"
        )


def _model_flaw(reader: StateReader, position: Position) -> str | None:
    """What is wrong with the model, besides its own records."""
    snapshot, saved = reader.store.get(MODEL), position.model
    if snapshot is None:
        if saved is None:
            return None
        return f"it is missing; the position names one of {saved.learned:,} learned events"
    if saved is None:
        return "it is there, and the position names none"
    if (reader.sha256.get(MODEL) or digest_of(snapshot)) == saved.sha256:
        return None
    return (
        "it is not the one that the position names"
        f" ({saved.learned:,} learned events, SHA-256 {saved.sha256.hex()[:12]}...)"
    )


def another_topic(position: Position, topics: Mapping[str, Identity | None]) -> list[str]:
    """Lines about the inputs that were deleted and created again since the state was written."""
    lines = []
    for topic, then in position.topics.items():
        now = topics.get(topic)
        if now is not None and now.id is not None and now.id != then:
            lines.append(
                f"topic {topic} was deleted and created again (its id is {now.id}, the state was"
                f" made with {then}): the offsets of one mean nothing in the other"
            )
    return lines
