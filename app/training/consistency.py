"""Features and scores of the same events by two ways, compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import inf, isnan
from typing import Any, NamedTuple

from agents.operations import EVENT
from agents.sinks.history import Learned
from agents.sinks.scored import ScoredBatch

SCORE = "the score"
SHOWN = 5
"""Features that the report names: those that are furthest apart."""


class Seen(NamedTuple):
    """An event as it was scored."""

    features: Mapping[str, Any]
    score: Any


class Seeing:
    """Notes all that is scored.

    Attributes:
        events: By their ids; of two with one id the last one.
    """

    def __init__(self) -> None:
        self.events: dict[Any, Seen] = {}

    def __call__(self, learned: Learned, scored: ScoredBatch) -> None:
        """See ``Score.on_scored``."""
        kinds, ids = scored.operations.kinds, scored.operations.ids
        rows = {at: n for n, at in enumerate(learned.at.tolist()) if kinds[at] == EVENT}
        for at, score, said in zip(
            scored.at.tolist(), scored.scores, scored.predictions, strict=True
        ):
            answer = said if score is None else score
            self.events[ids[at]] = Seen(learned.features(rows[at]), answer)


@dataclass
class Distance:
    """How far apart one value was.

    Attributes:
        compared: How often there was one.
        equal: How often both were the same, to the last bit.
        largest: Between two numbers; infinite between anything else.
        event: The id of the event with the largest.
    """

    compared: int = 0
    equal: int = 0
    largest: float = 0.0
    event: Any = None

    def add(self, event: Any, one: Any, other: Any) -> None:
        """Compare one pair."""
        self.compared += 1
        distance = _distance(one, other)
        self.equal += distance == 0.0
        if distance > self.largest:
            self.largest, self.event = distance, event

    @property
    def share(self) -> float:
        """Of what is equal."""
        return self.equal / self.compared if self.compared else 1.0


@dataclass
class Consistency:
    """What the events of an overlap have in common, by files and by the topics.

    Attributes:
        events: Scored both ways.
        only_history: Ids of those that are in the files alone.
        only_stream: Of those that are on the topics alone.
        score: Of the scores.
        features: By name.
    """

    events: int = 0
    only_history: list[Any] = field(default_factory=list)
    only_stream: list[Any] = field(default_factory=list)
    score: Distance = field(default_factory=Distance)
    features: dict[str, Distance] = field(default_factory=dict)

    @classmethod
    def of(cls, history: Mapping[Any, Seen], stream: Mapping[Any, Seen]) -> Consistency:
        """Compare what was seen."""
        made = cls()
        made.only_history = [id_ for id_ in history if id_ not in stream]
        made.only_stream = [id_ for id_ in stream if id_ not in history]
        for id_, one in history.items():
            if (other := stream.get(id_)) is None:
                continue
            made.events += 1
            made.score.add(id_, one.score, other.score)
            for name in dict.fromkeys((*one.features, *other.features)):
                distance = made.features.setdefault(name, Distance())
                distance.add(id_, one.features.get(name), other.features.get(name))
        return made

    @property
    def equal_features(self) -> float:
        """The share of all values of features that are equal, to the last bit."""
        compared = sum(each.compared for each in self.features.values())
        return sum(each.equal for each in self.features.values()) / compared if compared else 1.0

    @property
    def largest(self) -> float:
        """The largest distance of all."""
        return max((each.largest for each in (self.score, *self.features.values())), default=0.0)

    def beyond(self, bound: float) -> bool:
        """Whether a distance is larger, or an event went one way alone, or none went both."""
        alone = self.only_history or self.only_stream
        return bool(alone) or not self.events or self.largest > bound

    def lines(self) -> Iterator[str]:
        """The report."""
        yield (
            f"overlap: {self.events:,} events scored both ways; {self.equal_features:.4%} of their"
            f" features are equal, and {self.score.share:.4%} of their scores"
        )
        apart = {SCORE: self.score, **self.features}
        found = sorted(apart.items(), key=lambda each: -each[1].largest)
        for name, distance in found[:SHOWN]:
            if distance.largest:
                differs = distance.compared - distance.equal
                yield (
                    f"overlap: {name}: {differs:,} differ, by {distance.largest:g} at the most, in"
                    f" {distance.event!r}"
                )
        for ids, where in (
            (self.only_history, "in the history alone"),
            (self.only_stream, "on the topics alone"),
        ):
            if ids:
                yield f"overlap: {len(ids):,} events are {where}, such as {ids[0]!r}"


def _distance(one: Any, other: Any) -> float:
    if one is other or one == other:
        return 0.0
    if not (isinstance(one, int | float) and isinstance(other, int | float)):
        return inf
    distance = abs(float(one) - float(other))
    return inf if isnan(distance) else distance
