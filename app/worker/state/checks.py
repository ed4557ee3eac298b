"""Compares a state that was read with what its position says of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from agents.state import Checksum
from app.kafka.identity import Identity
from app.worker.state.position import MODEL, POSITION, Position, PositionUnreadable
from app.worker.state.topic import Flaw, StateDamaged, StateReader, digest_of


@dataclass(frozen=True, slots=True)
class Found:
    """A state as it lies on its topic.

    Attributes:
        position: What it says; None where nothing was written yet.
        checksum: Of its entries, without the model and the position.
        flaws: What of it is not as it was written.
    """

    position: Position | None
    checksum: Checksum
    flaws: tuple[Flaw, ...]


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
        except PositionUnreadable as error:
            flaws.append(Flaw(str(error), POSITION, reader.position_offset))
    checksum = reader.checksum
    if position is not None and position.checksum is not None:
        flaws += _later(reader, {flaw.key for flaw in flaws})
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
