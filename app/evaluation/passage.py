"""How far the events of a pipeline have come, and what was predicted of them."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any, NamedTuple

import msgspec

from agents.shared.mixer import own_labels
from agents.shared.scores import ScoresUnreadable, decode
from agents.state_keys import MIXED
from app.errors import RiverrunError
from app.evaluation.topics import Topics
from app.inspection import read_states
from app.kafka.reading import Reader, ReadError
from app.pipeline.load import Pipeline
from app.pipeline.stages import stages
from app.pipeline.topics import codec_of
from app.worker.state.layout import MODEL
from learners.errors import LearnerError
from learners.saved import snapshots
from topics.codecs import UNDECODABLE
from topics.dead_letters import reason
from topics.records import Record, Source

Place = tuple[int, int]
"""Partition and offset of an event."""


class Guess(NamedTuple):
    """What a prediction says about its event."""

    prediction: Any
    score: float | None
    decision: str | None = None
    id: Any = None


class _Guess(msgspec.Struct):
    prediction: Any
    score: float | None
    source: Source
    decision: str | None = None
    id: Any = None


class Guesses:
    """The predictions of events, by their places and ids.

    A topic that was deleted and made again has other events at the old offsets: a prediction
    with another id than the event at its place is none of that event.

    Attributes:
        first: The first prediction at each place.
        extra: How many there are of the same event beyond it.
    """

    def __init__(self) -> None:
        self.first: dict[Place, Guess] = {}
        self.extra = Counter[Place]()
        self._others: dict[tuple[Place, Any], Guess] = {}

    def add(self, place: Place, guess: Guess) -> None:
        """Take a prediction."""
        if place not in self.first:
            self.first[place] = guess
        elif guess.id == self.first[place].id or (place, guess.id) in self._others:
            self.extra[place] += 1
        else:
            self._others[place, guess.id] = guess

    def of(self, place: Place, id_: Any) -> Guess | None:
        """The prediction of the event with that id; None where there is none at its place."""
        first = self.first.get(place)
        if first is None or first.id is None or id_ is None or first.id == id_:
            return first
        return self._others.get((place, id_))


def guesses(pipeline: Pipeline, reader: Topics) -> Guesses:
    """The predictions of the pipeline's events."""
    decode: Callable[[bytes], _Guess] = codec_of(pipeline, "predictions").decoder(_Guess)
    found = Guesses()
    for record in reader.read(pipeline.predictions.topic):
        guess = _decoded(decode, record)
        if guess.source.topic == pipeline.events.topic:
            place = (guess.source.partition, guess.source.offset)
            found.add(place, Guess(guess.prediction, guess.score, guess.decision, guess.id))
    return found


def _decoded(decode: Callable[[bytes], _Guess], record: Record) -> _Guess:
    try:
        return decode(record.value())
    except UNDECODABLE as error:
        where = f"{record.topic()}[{record.partition()}]@{record.offset()}"
        raise ReadError(f"{where}: is no prediction: {error}") from None


def set_aside(pipeline: Pipeline, reader: Topics) -> tuple[set[Place], int]:
    """The events that became dead letters, and how many labels did."""
    events, labels = set[Place](), 0
    of_labels = ("", pipeline.labels.topic) if pipeline.labels else ()
    for record in reader.read(pipeline.dead_letter_topic):
        why = reason(record.headers() or [])
        if why.topic == pipeline.events.topic:
            events.add((why.partition, why.offset))
        labels += why.topic in of_labels
    return events, labels


def learned(pipeline: Pipeline, reader: Reader) -> int | None:
    """How many events the saved models have learned; None where that cannot be read."""
    try:
        states = read_states(stages(pipeline)[-1].state_topic, reader)
        found = [_learned(entries) for entries in states.values() if MODEL in entries]
        if (learners := pipeline.learner.learners) > 1:  # each learns all rows
            return min(found) if len(found) == learners else 0
        return sum(found)
    except (RiverrunError, LearnerError):
        return None


def _learned(entries: Mapping[str, bytes]) -> int:
    """By one partition; a model that is mixed has learned those of the others too."""
    count = snapshots.read_header(entries[MODEL]).learned
    mixed = entries.get(MIXED)
    return count if mixed is None else own_labels(mixed, count)


def status_of(
    pipeline: Pipeline, committed: Mapping[int, int | None], done: Set[Place]
) -> Callable[[Place], str]:
    """Tells the status of an event that is not done, by its place: missing, waiting or skipped."""
    first: dict[int, int] = {}
    for partition, offset in done:
        first[partition] = min(offset, first.get(partition, offset))
    skips = pipeline.worker.start == "latest"

    def status(place: Place) -> str:
        partition, offset = place
        if offset >= (committed.get(partition) or 0):
            return "waiting"
        return "skipped" if skips and offset < first.get(partition, math.inf) else "missing"

    return status


def on_the_way(pipeline: Pipeline, reader: Topics) -> int:
    """Events between two stages: as many may still get a prediction."""
    count = 0
    for stage in stages(pipeline):
        if stage.next_topic is not None and stage.next_field is not None:
            count += sum(1 for _ in _not_done(reader, stage.next_topic))
        elif stage.decides and pipeline.decisions.budget is not None:
            count += sum(map(_in_block, _not_done(reader, stage.inputs[0])))
    return count


def _in_block(record: Record) -> int:
    """How many scored events; none where the block will become a dead letter."""
    try:
        return len(decode(record.value()))
    except ScoresUnreadable:
        return 0


def _not_done(reader: Topics, topic: str) -> Iterator[Record]:
    done = reader.committed(topic)
    begin = {number: offset for number, offset in done.items() if offset is not None}
    return reader.read(topic, begin)
