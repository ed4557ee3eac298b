"""Every topic of a pipeline, once: what names it, its format, and what it is to be on Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeVar

import msgspec

from app.pipeline.history import History
from app.pipeline.model import Pipeline
from app.pipeline.stages import Stage, stages
from app.pipeline.streams import Decisions, Events, Labels, Metrics, Predictions
from app.pipeline.toml_lines import Path as Key
from topics import connect_json, specs
from topics.codecs import Codec
from topics.connect_json import ConnectJsonCodec
from topics.history import LabelledEvent
from topics.metrics import WindowMetrics
from topics.records import Alert, Prediction
from topics.specs import TopicSpec

T = TypeVar("T")

Role = Literal[
    "events",
    "labels",
    "predictions",
    "alerts",
    "metrics",
    "history",
    "dead letters",
    "state",
    "inner",
    "rows",
    "shares",
    "versions",
    "marks",
    "scored",
    "rejected",
]

OUTPUTS: Mapping[Role, type[msgspec.Struct]] = {
    "predictions": Prediction,
    "alerts": Alert,
    "metrics": WindowMetrics,
    "history": LabelledEvent,
}
"""The records of what a pipeline writes for others."""

_Named = Events | Labels | Predictions | Decisions | Metrics | History


@dataclass(frozen=True)
class PipelineTopic:
    """A topic of a pipeline.

    Attributes:
        role: What it is for.
        name: Its name on Kafka.
        key: The key of the pipeline file that names it, or that its name follows from.
        spec: What it is to be, given the number of partitions of the events.
        format: Of its values; None where a pipeline file does not choose it.
        registry: The table [registry], for the format "avro".
    """

    role: Role
    name: str
    key: Key
    spec: Callable[[int], TopicSpec]
    format: str | None = None
    registry: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_input(self) -> bool:
        """Whether others write it."""
        return self.role in ("events", "labels")

    @property
    def is_given(self) -> bool:
        """Whether the pipeline file names it; else riverrun does."""
        return self.key[-1] == "topic"

    @property
    def codec(self) -> Codec:
        """Encodes and decodes its values: the one place where a format becomes a codec."""
        return self._codec(strict=self.role == "predictions")

    @property
    def writer(self) -> Codec:
        """As `codec`, for who writes what others made: what has no place is refused."""
        return self._codec(strict=True)

    def _codec(self, *, strict: bool) -> Codec:
        assert self.format is not None, f"{self.name}: no pipeline file chooses its format"
        if self.format == connect_json.NAME:
            return ConnectJsonCodec(OUTPUTS[self.role])
        if self.format != "avro":
            return Codec(self.format)
        from app.kafka.registry import registry_of  # what they need is optional
        from topics.avro import AvroCodec
        from topics.avro_schemas import PREDICTION

        schema = PREDICTION if self.role == "predictions" else None
        return AvroCodec(self.name, registry_of(self.registry), schema, strict=strict)


def takers(
    pipeline: Pipeline, wanted: Mapping[Role, tuple[Any, Callable[[Any], T]]]
) -> dict[str, Callable[[bytes], T]]:
    """By topic of a wanted role: a function of a value, which decodes it to a type and takes it."""

    def taker(topic: PipelineTopic) -> Callable[[bytes], T]:
        type_, take = wanted[topic.role]
        decode: Callable[[bytes], Any] = topic.codec.decoder(type_)
        return lambda value: take(decode(value))

    return {t.name: taker(t) for t in pipeline_topics(pipeline) if t.role in wanted}


def pipeline_topics(pipeline: Pipeline) -> tuple[PipelineTopic, ...]:
    """Every topic of a pipeline, the inputs first."""
    return (*_given(pipeline), *_own(pipeline))


def topic_of(pipeline: Pipeline, role: Role) -> PipelineTopic | None:
    """The first topic of this role; None where the pipeline has none."""
    return next((topic for topic in pipeline_topics(pipeline) if topic.role == role), None)


def codec_of(pipeline: Pipeline, role: Role) -> Codec:
    """The codec of the topic of this role, which the pipeline must have."""
    return _required(pipeline, role).codec


def writer_of(pipeline: Pipeline, role: Role) -> Codec:
    """The strict codec of the topic of this role, which the pipeline must have."""
    return _required(pipeline, role).writer


def _required(pipeline: Pipeline, role: Role) -> PipelineTopic:
    topic = topic_of(pipeline, role)
    assert topic is not None, f"this pipeline has no topic of {role}"
    return topic


def _given(pipeline: Pipeline) -> Iterator[PipelineTopic]:
    """Those that the pipeline file names."""
    replication, retention = pipeline.topics.replication, pipeline.topics.retention
    kept = partial(partial, replication=replication, retention=retention)
    tables: tuple[tuple[Role, str, _Named | None, Callable[..., TopicSpec]], ...] = (
        ("events", "events", pipeline.events, kept(specs.events)),
        ("labels", "labels", pipeline.labels, kept(specs.labels)),
        ("predictions", "predictions", pipeline.predictions, kept(specs.predictions)),
        ("alerts", "decisions", pipeline.decisions, kept(specs.predictions)),
        ("metrics", "metrics", pipeline.metrics, partial(specs.metrics, replication=replication)),
        ("history", "history", pipeline.history, kept(specs.predictions)),
    )
    for role, name, table, spec in tables:
        if table is not None and table.topic is not None:
            key = name, "topic"
            made = partial(spec, table.topic)
            yield PipelineTopic(role, table.topic, key, made, table.format, pipeline.registry)


def _own(pipeline: Pipeline) -> Iterator[PipelineTopic]:
    """Those that riverrun names: after the pipeline, or after a field that keys events anew."""

    def own(role: Role, name: str, key: Key, spec: Callable[..., TopicSpec]) -> PipelineTopic:
        made = partial(spec, name, replication=pipeline.topics.replication)
        return PipelineTopic(role, name, key, made)

    yield own("dead letters", pipeline.dead_letter_topic, ("name",), specs.dead_letters)
    fields = [entity.field for entity in pipeline.entities]
    for stage in stages(pipeline):
        shared = "learner", "shared"
        if stage.decides:
            yield own("scored", stage.inputs[0], shared, specs.scored)
            yield own("state", stage.state_topic, shared, specs.deciding)
            continue
        if stage.deals:
            yield own("rows", stage.inputs[0], shared, specs.rows)
            yield own("state", stage.state_topic, shared, specs.deciding)
            continue
        if stage.shared:
            yield from _learner_topics(pipeline, stage, own)
            continue
        if stage.next_topic is None or stage.next_field is None:
            yield own("state", stage.state_topic, ("name",), specs.state)
            continue
        key: Key = ("labels", "key")
        if stage.next_field in fields:
            key = (f"entities[{fields.index(stage.next_field)}]", "field")
        yield own("state", stage.state_topic, key, specs.state)
        yield own("inner", stage.next_topic, key, specs.inner)
    for name in pipeline.stored:
        topic = pipeline.rejected_topic(name)
        yield own("rejected", topic, ("sinks", name), specs.dead_letters)
    if pipeline.learner.shared == "mix":
        yield own("marks", pipeline.marks_topic, ("learner", "shared"), specs.marks)


def _learner_topics(
    pipeline: Pipeline, stage: Stage, own: Callable[..., PipelineTopic]
) -> Iterator[PipelineTopic]:
    """The input of the learners, and their versions: a partition for each learner."""
    if (count := pipeline.learner.learners) == 1:
        yield own("rows", stage.inputs[0], ("learner", "shared"), specs.rows)
        yield own("versions", stage.state_topic, ("learner", "shared"), specs.versions)
        return
    of_each = partial(specs.of_learners, learners=count)
    key = "learner", "learners"
    yield own("shares", stage.inputs[0], key, partial(of_each, specs.rows))
    yield own("versions", stage.state_topic, key, partial(of_each, specs.versions))
