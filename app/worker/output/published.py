"""Outputs that are on Kafka already, of events that are done again: they are not written twice.

Only `riverrun state repair` brings this about, where it goes back behind outputs that are visible.
The same state and the same events give the same outputs, so those that are there are the right
ones, and the events are learned without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from agents.outputs import Outputs
from app.errors import RegistryAway
from app.pipeline.load import Pipeline
from app.pipeline.topics import pipeline_topics
from topics.codecs import Codec
from topics.dead_letters import reason
from topics.records import Headers, ModelVersion, Source

Ranges = Sequence[Sequence[int]]
"""Pairs: the first offset, and the one after the last."""

SourceOf = Callable[[Any, Any], "Source | None"]
"""The event of a record by its value and headers; None where it is not of this pipeline."""


class _Said(msgspec.Struct, gc=False):
    """The part of a prediction or an alert that says whose it is."""

    model: ModelVersion
    source: Source


def sources(pipeline: Pipeline) -> dict[str, SourceOf]:
    """How the records of each output topic name their event."""
    found: dict[str, SourceOf] = {pipeline.dead_letter_topic: _of_letter}
    for topic in pipeline_topics(pipeline):
        if topic.role in ("predictions", "alerts"):
            found[topic.name] = _named(pipeline, topic.codec)
    return found


def _named(pipeline: Pipeline, codec: Codec) -> SourceOf:
    decode: Callable[[bytes], _Said] = codec.decoder(_Said)

    def source(value: Any, _: Any) -> Source | None:
        try:
            said = decode(value)
        except RegistryAway:  # nobody knows what it says
            raise
        except Exception:  # whatever somebody else has written there
            return None
        ours = said.model.name == pipeline.name and said.source.topic == pipeline.events.topic
        return said.source if ours else None

    return source


def _of_letter(_: Any, headers: Headers | None) -> Source | None:
    try:
        why = reason(headers or [])
        return Source(why.topic, why.partition, why.offset)
    except Exception:  # a record that is no dead letter
        return None


class Published:
    """The events of a partition whose outputs are there, by output topic.

    Args:
        ranges: Of offsets, by topic.
        sources: How the records of each topic name their event.
        predictions: The topic of the predictions.
        events: The topic of the events.
    """

    def __init__(
        self,
        ranges: Mapping[str, Ranges],
        sources: Mapping[str, SourceOf],
        predictions: str,
        events: str,
    ) -> None:
        self._ranges = {topic: [tuple(r) for r in pairs] for topic, pairs in ranges.items()}
        self._sources = sources
        self._predictions = predictions
        self._events = events

    def ranges(self, offsets: Mapping[str, int]) -> dict[str, Ranges]:
        """What still matters once the inputs are done up to these offsets."""
        done = offsets.get(self._events, 0)
        self._ranges = {
            topic: kept
            for topic, pairs in self._ranges.items()
            if (kept := [pair for pair in pairs if pair[1] > done])
        }
        return {topic: list(pairs) for topic, pairs in self._ranges.items()}

    def without(self, outputs: Outputs) -> Outputs:
        """The outputs that are not there yet."""
        if not self._ranges:
            return outputs
        topic = self._predictions
        return replace(
            outputs,
            predictions=[p for p in outputs.predictions if not self._has(topic, p[1], None)],
            dead_letters=[
                o for o in outputs.dead_letters if not self._has(o.topic, o.value, o.headers)
            ],
            others=[o for o in outputs.others if not self._has(o.topic, o.value, o.headers)],
        )

    def _has(self, topic: str, value: Any, headers: Any) -> bool:
        pairs = self._ranges.get(topic)
        if not pairs:
            return False
        source = self._sources[topic](value, headers)
        return (
            source is not None
            and source.topic == self._events
            and any(first <= source.offset < end for first, end in pairs)
        )


def as_ranges(offsets: Iterable[int]) -> list[list[int]]:
    """Offsets as pairs.

    >>> as_ranges([7, 3, 4, 5])
    [[3, 6], [7, 8]]
    """
    found: list[list[int]] = []
    for offset in sorted(set(offsets)):
        if found and found[-1][1] == offset:
            found[-1][1] = offset + 1
        else:
            found.append([offset, offset + 1])
    return found
