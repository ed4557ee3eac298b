"""Events whose labels have come, as they were scored, for a topic of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from agents import state_keys
from agents.keys import key_of
from agents.operations import CORRECT, DROP, EVENT, Operations
from agents.packing import pack, unpacker
from agents.sinks.scored import ScoredBatch
from agents.state import State
from learners.engine.kernels import Ints
from learners.engine.rows import Rows
from learners.model import UNLABELLED
from topics.codecs import Codec
from topics.history import LabelledEvent
from topics.records import ModelVersion, Outgoing, Source

PREFIX = state_keys.HISTORY


class Learned(NamedTuple):
    """What the model was given: of which operations, which features and which labels."""

    at: Ints
    rows: Rows | list[dict[str, Any]]
    labels: Sequence[Any]
    times: Sequence[int] | None = None

    def features(self, n: int) -> dict[str, Any]:
        """Of one of them."""
        if isinstance(self.rows, Rows):
            return self.rows.take([n]).to_dicts()[0]
        return self.rows[n]


class _Scored(msgspec.Struct, array_like=True, gc=False):
    """What was said of an event, kept until its label comes."""

    version: int
    prediction: Any
    score: float | None
    fields: dict[str, Any]
    source: Source


_unpack = unpacker(_Scored)


class HistoryWriter:
    """Makes a record of each label that is learned; each comes once, as the label does.

    Args:
        state: Keeps what was said of an event until its label comes; None where labels come with
            their events.
        name: Of the pipeline; models are named after it.
        topic: Where to.
        codec: Its format.
        fields: Of the events, beside their features.
    """

    def __init__(
        self, state: State | None, name: str, topic: str, codec: Codec, fields: Sequence[str]
    ) -> None:
        self._state = state
        self._name = name
        self._topic = topic
        self._codec = codec
        self._fields = tuple(fields)

    def records(self, kept: Ints, learned: Learned, scored: ScoredBatch) -> Iterator[Outgoing]:
        """The records of a batch, in the order in which its labels were learned.

        Args:
            kept: The operations that were not set aside.
            learned: All that the model was given of them.
            scored: What it said.
        """
        operations = scored.operations
        said = {at: j for j, at in enumerate(scored.at.tolist())}
        steps = {at: n for n, at in enumerate(learned.at.tolist())}
        kinds = operations.kinds
        for i in kept.tolist():
            kind, id_ = int(kinds[i]), operations.ids[i]
            found: _Scored | None = None
            if kind == EVENT:
                found = self._of(scored, said[i]) if i in said else None
                self._keep(id_, found)
            elif kind == DROP:
                self._forget(id_)
            elif self._state is not None and (kept_ := self._state.get(key_of(PREFIX, id_))):
                found = _unpack(kept_)
            if (n := steps.get(i)) is not None and learned.labels[n] is not UNLABELLED:
                yield self._record(operations, i, learned, n, found)

    def _of(self, scored: ScoredBatch, j: int) -> _Scored:
        operations, at = scored.operations, int(scored.at[j])
        came = operations.came[at]
        fields = {name: came[name] for name in self._fields if name in came}
        source = Source.of(operations.records[at])
        said = scored.versions[j], scored.predictions[j], scored.scores[j]
        return _Scored(*said, fields, source)

    def _keep(self, id_: Any, found: _Scored | None) -> None:
        """As the features are kept: of two events with one id the first one stays."""
        if self._state is None or found is None:
            return
        if self._state.get(key := key_of(PREFIX, id_)) is None:
            self._state.put(key, pack(found))

    def _forget(self, id_: Any) -> None:
        if self._state is not None:
            self._state.delete(key_of(PREFIX, id_))

    def _record(
        self, operations: Operations, i: int, learned: Learned, n: int, found: _Scored | None
    ) -> Outgoing:
        id_, time = operations.ids[i], int(operations.times[i])
        made = LabelledEvent(
            id=id_,
            time=int(operations.event_times[i]),
            label=learned.labels[n],
            label_time=time,
            kind="correct" if int(operations.kinds[i]) == CORRECT else "learn",
            weight=1 if learned.times is None else learned.times[n],
            features=learned.features(n),
            fields=found.fields if found else {},
            prediction=found.prediction if found else None,
            score=found.score if found else None,
            model=ModelVersion(self._name, found.version) if found else None,
            source=found.source if found else None,
        )
        key = operations.records[i].key() if id_ is None else str(id_).encode()
        place = int(operations.places[i])
        return Outgoing(self._topic, key, self._codec.encode(made), place=place)
