"""Looks, after a restore, for outputs that a torn transaction of the past has left."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from app.pipeline.load import Pipeline
from app.pipeline.stages import Stage, stages
from app.worker.outputs_beyond import Beyond, OutputReader, told
from app.worker.restore import COMMANDS, Restored, RestoreRefused

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
        found = [one for one in self._beyond(states, done) if not _known(states[one.source], one)]
        new = [one for one in found if states[one.source].position is None]
        if new:
            log.warning(
                "this pipeline has scored nothing yet, but there are outputs: %s", told(new)
            )
        if len(found) > len(new):
            torn = [one for one in found if one not in new]
            raise RestoreRefused(
                f"a transaction of the past was torn: {told(torn)}; no committed offset covers"
                f" them. The state is whole, as of offset {done[torn[0].source]} of {events}"
                f"[{torn[0].source}]. {COMMANDS}"
            )

    def _beyond(self, states: Mapping[int, Restored], done: Mapping[int, int]) -> list[Beyond]:
        if not done:
            return []
        pipeline, found = self._pipeline, list[Beyond]()
        for topic in filter(None, (pipeline.predictions.topic, pipeline.decisions.topic)):
            count = self._partitions[topic]
            beside = topic == pipeline.predictions.topic and lie_beside(pipeline, self._partitions)
            since: dict[int, int] = {}
            for state in states.values():
                since |= state.position.since.get(topic, {}) if state.position else {}
            places = list(done) if beside else range(count)
            found += self._reader.beyond(topic, places, done, since=since)
        return found


def lie_beside(pipeline: Pipeline, partitions: Mapping[str, int]) -> bool:
    """Whether each prediction lies in the partition of its event."""
    events, predictions = pipeline.events.topic, pipeline.predictions.topic
    return len(stages(pipeline)) == 1 and partitions[events] == partitions[predictions]


def _known(state: Restored, one: Beyond) -> bool:
    """Whether the state knows that this output is there."""
    ranges = state.position.published.get(one.topic, ()) if state.position else ()
    return any(first <= one.event < end for first, end in ranges)
