"""What the yardstick needs of a training: the features that the pipeline made, labels, scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from agents.sinks.history import Learned
from agents.sinks.scored import ScoredBatch
from app.training.errors import HistoryRefused
from learners.model import UNLABELLED
from topics.records import Outgoing

SCORED_ROWS, LABELLED_ROWS = "scored", "labelled"

_encode = msgspec.msgpack.encode


class Labelled(msgspec.Struct, array_like=True):
    """A label that was learned: its truth, how often it counts, the features as scored."""

    label: bool
    weight: int
    features: list[float]


@dataclass(frozen=True)
class Looking:
    """Says of each batch what was scored and what was learned.

    Attributes:
        names: Of the features, in the order of the columns.
        since: Scores of events before it are of no use; milliseconds since 1970.
    """

    names: Sequence[str]
    since: int

    def __call__(self, learned: Learned, scored: ScoredBatch) -> Iterator[Outgoing]:
        """Records of `SCORED_ROWS` and `LABELLED_ROWS`: keyed by the event's id, with its time as
        their place, and of a label the time of it."""
        operations = scored.operations
        known, times = operations.times.tolist(), operations.event_times.tolist()
        keys = [_encode(id_) for id_ in operations.ids]
        for at, score in zip(scored.at.tolist(), scored.scores, strict=True):
            if score is not None and times[at] >= self.since:
                yield Outgoing(SCORED_ROWS, keys[at], _encode(score), place=times[at])
        for n, at in enumerate(learned.at.tolist()):
            if (label := learned.labels[n]) is UNLABELLED:
                continue
            weight = 1 if learned.times is None else learned.times[n]
            made = Labelled(_truth(label), weight, self._columns(learned.features(n)))
            at_ = {"timestamp": known[at], "place": times[at]}
            yield Outgoing(LABELLED_ROWS, keys[at], _encode(made), **at_)

    def _columns(self, features: dict[str, Any]) -> list[float]:
        return [_number(name, features.get(name)) for name in self.names]


def _truth(label: Any) -> bool:
    if label in (0, 1):
        return bool(label)
    raise HistoryRefused(
        f"the label {label!r} is neither true nor false: logistic regression of two classes is no"
        " yardstick for it. Leave out --yardstick"
    )


def _number(name: str, value: Any) -> float:
    if value is None:
        return 0.0
    if isinstance(value, str):
        raise HistoryRefused(
            f"the feature {name} is a text, {value!r}, which MLlib's logistic regression does not"
            " take. Leave out --yardstick"
        )
    return float(value)
