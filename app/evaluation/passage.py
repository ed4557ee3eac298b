"""How far the events of a pipeline have come, and what was predicted of them."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Set
from typing import Any, NamedTuple

import msgspec

from app.pipeline.load import Pipeline
from app.pipeline.stages import stages
from app.reading import Reader, ReadError
from topics.codecs import UNDECODABLE, Codec
from topics.dead_letters import reason
from topics.records import Record, Source

Place = tuple[int, int]
"""Partition and offset of an event."""


class Guess(NamedTuple):
    """What a prediction says about its event."""

    prediction: Any
    score: float | None
    decision: str | None = None


class _Guess(msgspec.Struct):
    prediction: Any
    score: float | None
    source: Source
    decision: str | None = None


def guesses(pipeline: Pipeline, reader: Reader) -> tuple[dict[Place, Guess], Counter[Place]]:
    """The first prediction of each event, and how many there are beyond it."""
    decode: Callable[[bytes], _Guess] = Codec(pipeline.predictions.format).decoder(_Guess)
    guesses: dict[Place, Guess] = {}
    extra = Counter[Place]()
    for record in reader.read(pipeline.predictions.topic):
        guess = _decoded(decode, record)
        if guess.source.topic != pipeline.events.topic:
            continue
        place = (guess.source.partition, guess.source.offset)
        if place in guesses:
            extra[place] += 1
        else:
            guesses[place] = Guess(guess.prediction, guess.score, guess.decision)
    return guesses, extra


def _decoded(decode: Callable[[bytes], _Guess], record: Record) -> _Guess:
    try:
        return decode(record.value())
    except UNDECODABLE as error:
        where = f"{record.topic()}[{record.partition()}]@{record.offset()}"
        raise ReadError(f"{where}: is no prediction: {error}") from None


def set_aside(pipeline: Pipeline, reader: Reader) -> set[Place]:
    """The events that became dead letters: partition and offset of each."""
    reasons = (reason(record.headers() or []) for record in reader.read(pipeline.dead_letter_topic))
    return {(r.partition, r.offset) for r in reasons if r.topic == pipeline.events.topic}


def status_of(
    pipeline: Pipeline, committed: Mapping[int, int | None], done: Set[Place]
) -> Callable[[Place], str]:
    """Tells an event's status by its place: done, missing, waiting or skipped."""
    first: dict[int, int] = {}
    for partition, offset in done:
        first[partition] = min(offset, first.get(partition, offset))
    skips = pipeline.worker.start == "latest"

    def status(place: Place) -> str:
        partition, offset = place
        if place in done:
            return "done"
        if offset >= (committed.get(partition) or 0):
            return "waiting"
        return "skipped" if skips and offset < first.get(partition, math.inf) else "missing"

    return status


def on_the_way(pipeline: Pipeline, reader: Reader) -> int:
    """Records that lie between two stages: as many events may still get a prediction."""
    count = 0
    for stage in stages(pipeline):
        if stage.next_topic is not None:
            done = reader.committed(stage.next_topic)
            begin = {number: offset for number, offset in done.items() if offset is not None}
            count += sum(1 for _ in reader.read(stage.next_topic, begin))
    return count
