"""Looks, after a restore, for outputs that a torn transaction of the past has left."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

from app.pipeline.load import Pipeline
from app.pipeline.stages import Stage, stages
from app.worker.output.outputs_beyond import TAIL, Beyond, OutputReader, described
from app.worker.state.position import Position
from app.worker.state.restore import COMMANDS, Restored, RestoreRefused

log = logging.getLogger("riverrun.worker")


class TornOutputs:
    """Looks at the ends of the predictions and the alerts.

    Args:
        pipeline: Whose.
        partitions: How many each topic has.
        reader: Reads the outputs.
    """

    def __init__(
        self, pipeline: Pipeline, partitions: Mapping[str, int], reader: OutputReader
    ) -> None:
        self._pipeline = pipeline
        self._partitions = partitions
        self._reader = reader

    def require_none(self, restored: Mapping[tuple[Stage, int], Restored]) -> None:
        """No output is there of an event that no committed offset covers.

        Raises:
            RestoreRefused: when there is one, with its place.
        """
        first, events = stages(self._pipeline)[0], self._pipeline.events.topic
        states = {number: state for (stage, number), state in restored.items() if stage == first}
        done = {number: state.offsets.get(events) or 0 for number, state in states.items()}
        positions = {number: state.position or Position({}) for number, state in states.items()}
        found = self.beyond(positions, done)
        torn = [one for one in found if states[one.source].position is not None]
        if torn:
            raise RestoreRefused(
                f"a transaction of the past was torn: {described(torn)}; no committed offset covers"
                f" them. The state is whole, as of offset {done[torn[0].source]} of {events}"
                f"[{torn[0].source}]. {COMMANDS}"
            )
        if found:
            log.warning(
                "this pipeline has done nothing yet, and outputs are there: %s", described(found)
            )

    def beyond(
        self, positions: Mapping[int, Position], done: Mapping[int, int], tail: int | None = TAIL
    ) -> list[Beyond]:
        """Predictions and alerts of events that are not done, and that no state knows of.

        Args:
            positions: Of the first stage, by partition.
            done: The offset up to which the events are done, by partition.
            tail: See ``OutputReader.beyond``.
        """
        found: list[Beyond] = []
        for topic in self._topics() if done else ():
            since: dict[int, int] = {}
            for position in positions.values():
                since |= position.since.get(topic, {})
            places = self.places(topic, done)
            found += self._reader.beyond(topic, places, done, tail=tail, since=since)
        return [one for one in found if not _known(positions[one.source], one)]

    def places(self, topic: str, numbers: Iterable[int]) -> Sequence[int]:
        """The partitions of an output topic where those of these events can lie."""
        beside = topic == self._pipeline.predictions.topic
        if beside and lie_beside(self._pipeline, self._partitions):
            return list(numbers)
        return range(self._partitions[topic])

    def _topics(self) -> list[str]:
        predictions, alerts = self._pipeline.predictions.topic, self._pipeline.decisions.topic
        return [predictions] if alerts is None else [predictions, alerts]


def lie_beside(pipeline: Pipeline, partitions: Mapping[str, int]) -> bool:
    """Whether each prediction lies in the partition of its event."""
    events, predictions = pipeline.events.topic, pipeline.predictions.topic
    return len(stages(pipeline)) == 1 and partitions[events] == partitions[predictions]


def _known(position: Position, one: Beyond) -> bool:
    """Whether the state knows that this output is there."""
    ranges = position.published.get(one.topic, ())
    return any(first <= one.event < end for first, end in ranges)
