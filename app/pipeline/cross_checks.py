"""What must hold between the tables of a pipeline; each table by itself is checked before."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.entities.declare import EntityTable, declared
from app.pipeline.model import Pipeline
from app.pipeline.stages import joins_by_id
from app.pipeline.streams import Entity
from app.pipeline.toml_lines import Path as Key
from app.pipeline.topics import PipelineTopic, pipeline_topics

Fault = tuple[Key, str]
"""The key that is wrong, and what is wrong with it."""

LONGEST_TOPIC = 249
SHORTEST_MARK = 0.1
"""Seconds."""
_IN_TOPIC = re.compile(r"[A-Za-z0-9._-]+")


def faults(pipeline: Pipeline) -> Iterator[Fault]:
    """What does not go together, the plainest first."""
    yield from _labels(pipeline)
    yield from _keys(pipeline)
    yield from _shared(pipeline)
    yield from _topics(pipeline)


def entity_table(pipeline: Pipeline, number: int, entity: Entity) -> EntityTable:
    """An [[entities]] table as the agents have it."""
    return EntityTable(
        number,
        entity.field,
        entity.source,
        entity.features,
        entity.windows,
        entity.delay,
        entity.bucket,
        pipeline.labels.label if pipeline.labels else pipeline.events.label or "label",
        pipeline.events.label is not None,
        pipeline.events.label_values or None,
    )


def needing_numbers(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    """The features that are made of the labels as numbers: their key in the file, and their text.

    Of good tables only: raises EntityError for others.
    """
    for n, entity in enumerate(pipeline.entities):
        table = declared(entity_table(pipeline, n, entity))
        if entity.source == "labels" and (label := table.table.label) in table.numbers:
            of_label = re.compile(rf"\(\s*{re.escape(label)}\s*[,)]")
            yield f"entities[{n}].features", next(filter(of_label.search, entity.features))


def _labels(pipeline: Pipeline) -> Iterator[Fault]:
    events, labels = pipeline.events, pipeline.labels
    if labels is not None and events.id is None:
        yield ("labels",), "needs events.id, the field by which a label finds its event"
    if labels is not None and events.label is not None:
        yield ("events", "label"), "cannot be beside [labels]: labels come with events, or later"
    for n, entity in enumerate(pipeline.entities):
        if entity.source == "labels" and labels is None and events.label is None:
            yield (f"entities[{n}]", "source"), "needs labels: events.label, or a table [labels]"
        elif entity.source == "labels" and joins_by_id(pipeline):
            what = (
                'cannot be beside labels.key = "id": labels meet their events behind all entities'
            )
            yield (f"entities[{n}]", "source"), what
    if pipeline.metrics is not None and labels is None and events.label is None:
        yield ("metrics",), "needs labels to judge by: events.label, or a table [labels]"
    if pipeline.history is not None and labels is None and events.label is None:
        yield ("history",), "needs labels, which it waits for: events.label, or a table [labels]"


def _shared(pipeline: Pipeline) -> Iterator[Fault]:
    """A learner is shared by the labels that have come."""
    learner = pipeline.learner
    if learner.shared and pipeline.labels is None and pipeline.events.label is None:
        what = "needs labels to learn from: events.label, or a table [labels]"
        yield ("learner", "shared"), what
    if "mark" in learner.model_fields_set and learner.shared != "mix":
        yield ("learner", "mark"), 'needs learner.shared = "mix"'
    if learner.learners > 1 and learner.shared != "learner":
        yield ("learner", "learners"), 'needs learner.shared = "learner"'
    if learner.mark < SHORTEST_MARK:
        yield ("learner", "mark"), f"must be {SHORTEST_MARK:g} s or more"


def _keys(pipeline: Pipeline) -> Iterator[Fault]:
    """Fields that key the events anew become part of a topic's name."""
    fields: list[tuple[Key, str]] = [
        ((f"entities[{n}]", "field"), entity.field)
        for n, entity in enumerate(pipeline.entities)
        if entity.field is not None
    ]
    if joins_by_id(pipeline):
        fields.append((("events", "id"), str(pipeline.events.id)))
    for key, field in fields:
        if field == pipeline.events.key:
            continue
        topic = f"{pipeline.name}.by-{field}.v1"
        if _IN_TOPIC.fullmatch(field) is None:
            what = f'becomes part of the topic "{topic}", so it may have letters, digits, '
            yield key, f"{what}'.', '_' and '-' only"
        elif len(topic) > LONGEST_TOPIC:
            yield key, f"is too long: a topic is named after it, of {LONGEST_TOPIC} characters"


def _topics(pipeline: Pipeline) -> Iterator[Fault]:
    """No topic has two uses; those that riverrun names stand first, so the others are refused."""
    taken: dict[str, str] = {}
    for topic in sorted(pipeline_topics(pipeline), key=lambda topic: topic.is_given):
        if (before := taken.get(_flat(topic.name))) is not None:
            its = "" if topic.is_given else f"its topic {topic.name} "
            yield topic.key, f"{its}must differ from {before} (to Kafka '.' and '_' collide)"
        taken[_flat(topic.name)] = _called(topic)


def _called(topic: PipelineTopic) -> str:
    if topic.is_given:
        return ".".join(topic.key)
    if topic.key == ("name",):
        return f"the {topic.role} topic of this pipeline".replace("dead letters", "dead-letter")
    return f"the topic {topic.name} of this pipeline"


def _flat(topic: str) -> str:
    return topic.replace(".", "_")
