"""What a trial has read and written, as topics that an evaluation reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.pipeline.load import Pipeline
from app.trial.records import TrialRecord
from app.trial.run import Trial
from topics.records import Outgoing


class TrialTopics:
    """The topics of a trial, each with one partition.

    Args:
        pipeline: Names them.
        trial: Has their records.
    """

    def __init__(self, pipeline: Pipeline, trial: Trial) -> None:
        self._predictions, self._letters = pipeline.predictions.topic, pipeline.dead_letter_topic
        self._trial = trial

    def committed(self, topic: str) -> Mapping[int, int | None]:
        """All that was read is done."""
        return {0: sum(1 for _ in self.read(topic))}

    def read(self, topic: str, start: Mapping[int, int] | None = None) -> Iterator[TrialRecord]:
        """The records of a topic in their order."""
        if topic == self._predictions:
            return self.predictions()
        if topic == self._letters:
            return self.letters()
        return (record for record in self._trial.records if record.topic_ == topic)

    def predictions(self) -> Iterator[TrialRecord]:
        """As they would be on their topic."""
        pairs = (pair for outputs in self._trial.outputs for pair in outputs.predictions)
        for n, (key, value) in enumerate(pairs):
            yield TrialRecord(self._predictions, n, key, value)

    def letters(self) -> Iterator[TrialRecord]:
        """The dead letters, as they would be on their topic."""
        letters = (letter for outputs in self._trial.outputs for letter in outputs.dead_letters)
        return (_record(n, letter) for n, letter in enumerate(letters))


def _record(offset: int, sent: Outgoing) -> TrialRecord:
    return TrialRecord(
        sent.topic, offset, sent.key, sent.value, sent.timestamp or 0, headers_=sent.headers
    )
