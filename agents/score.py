"""Score every event, then learn from it."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from agents.errors import LearnRefused, Refusal
from agents.events.reader import EventReader, Failure
from agents.operations import Operations
from agents.outputs import Outputs, Refused
from agents.predictions import PredictionEncoder, ScoredEvents, without_failures
from learners.model import LearnFailed, Model
from topics.codecs import Codec
from topics.dead_letters import dead_letter
from topics.records import Batch, Outgoing, Record


class Score:
    """The score agent of one partition: decode, validate, predict, learn, publish.

    Args:
        name: Of the pipeline; predictions carry it.
        model: The model of this partition; it is changed in place.
        reader: Reads events from raw records.
        codec: The format of the predictions.
        dead_letters: The topic for what is set aside.
    """

    labels = None

    def __init__(
        self, name: str, model: Model, reader: EventReader, codec: Codec, dead_letters: str
    ) -> None:
        self.name = name
        self.model = model
        self._reader = reader
        self._codec = codec
        self._encode: PredictionEncoder | None = None
        self._dead_letters = dead_letters

    def warm_up(self) -> None:
        """Compile whatever the first event would have to wait for, the model apart."""
        self._reader.warm_up()
        PredictionEncoder(self._codec, self.name, "", 0).encode(
            ScoredEvents([], [], [], [], []), []
        )

    def take(self, operations: Operations, refused: Refused) -> Outputs:
        """Never called: this is the only stage, so nothing is forwarded to it."""
        raise NotImplementedError

    def save(self) -> None:
        """Nothing: the model is all that changes, and who runs the agent saves that."""

    def process(self, batch: Batch, refused: Refused = MappingProxyType({})) -> Outputs:
        """Score and learn the events of ``batch``, one after another; see ``Agent``."""
        records, failures = _set_aside(batch.records, refused)
        letters = self._letters(batch.records, failures)
        if not records:
            return Outputs(dead_letters=letters)
        events, failures = self._reader.read(records)
        version = self.model.learned
        try:
            scored = self.model.run(events.rows, events.labels)
        except LearnFailed as error:
            record = records[events.index[error.index]]
            raise LearnRefused(Refusal.of(record), error.cause) from error
        failures += [Failure(events.index[i], "predict", e) for i, e in scored.failures.items()]
        letters += self._letters(records, failures)
        said = without_failures(events, scored, version)
        predictions = self._encoder(batch).encode(
            said, [records[i].offset() or 0 for i in said.index]
        )
        keys = [records[i].key() for i in said.index]
        pairs = list(zip(keys, predictions, strict=True))
        return Outputs(pairs, letters, self.model.learned - version)

    def _encoder(self, batch: Batch) -> PredictionEncoder:
        """All batches of an agent are of one partition."""
        if self._encode is None:
            self._encode = PredictionEncoder(self._codec, self.name, batch.topic, batch.partition)
        return self._encode

    def _letters(self, records: Sequence[Record], failures: Sequence[Failure]) -> list[Outgoing]:
        return [
            dead_letter(self._dead_letters, records[failure.index], failure.stage, failure.error)
            for failure in sorted(failures, key=lambda failure: failure.index)
        ]


def _set_aside(
    records: Sequence[Record], refused: Refused
) -> tuple[Sequence[Record], list[Failure]]:
    """The records without the refused ones, and the failures of those (indices into all)."""
    if not refused:
        return records, []
    failures: list[Failure] = []
    kept: list[Any] = []
    for i, record in enumerate(records):
        error = refused.get(Refusal.of(record))
        if error is None:
            kept.append(record)
        else:
            failures.append(Failure(i, "learn", error))
    return kept, failures
