"""What must hold between the tables of a pipeline; each table by itself is checked before."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.entities.declare import EntityTable
from app.pipeline.model import Pipeline
from app.pipeline.stages import stages
from app.pipeline.streams import Entity
from app.pipeline.toml_lines import Path as Key

Fault = tuple[Key, str]
"""The key that is wrong, and what is wrong with it."""

LONGEST_TOPIC = 249
_IN_TOPIC = re.compile(r"[A-Za-z0-9._-]+")


def faults(pipeline: Pipeline) -> Iterator[Fault]:
    """What does not go together, the plainest first."""
    yield from _labels(pipeline)
    yield from _entities(pipeline)
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
        pipeline.labels.label if pipeline.labels else "label",
    )


def _labels(pipeline: Pipeline) -> Iterator[Fault]:
    events, labels = pipeline.events, pipeline.labels
    if labels is not None and events.id is None:
        yield ("labels",), "needs events.id, the field by which a label finds its event"
    if labels is not None and events.label is not None:
        yield ("events", "label"), "cannot be beside [labels]: labels come with events, or later"
    for n, entity in enumerate(pipeline.entities):
        if entity.source == "labels" and labels is None:
            yield (f"entities[{n}]", "source"), "needs a table [labels]"
    if pipeline.metrics is not None and labels is None and events.label is None:
        yield ("metrics",), "needs labels to judge by: events.label, or a table [labels]"


def _entities(pipeline: Pipeline) -> Iterator[Fault]:
    """Fields that key the events anew become part of a topic's name."""
    for n, entity in enumerate(pipeline.entities):
        if entity.field == pipeline.events.key:
            continue
        topic = f"{pipeline.name}.by-{entity.field}.v1"
        key = (f"entities[{n}]", "field")
        if _IN_TOPIC.fullmatch(entity.field) is None:
            what = f'becomes part of the topic "{topic}", so it may have letters, digits, '
            yield key, f"{what}'.', '_' and '-' only"
        elif len(topic) > LONGEST_TOPIC:
            yield key, f"is too long: a topic is named after it, of {LONGEST_TOPIC} characters"


def _topics(pipeline: Pipeline) -> Iterator[Fault]:
    taken: dict[str, str] = {}
    for key, topic, called, own in (*_own_topics(pipeline), *_given_topics(pipeline)):
        if (before := taken.get(_flat(topic))) is not None:
            its = f"its topic {topic} " if own else ""
            yield key, f"{its}must differ from {before} (to Kafka '.' and '_' collide)"
        taken[_flat(topic)] = called


Named = tuple[Key, str, str, bool]
"""The key that names a topic, the topic, what it is called, and whether riverrun named it."""


def _own_topics(pipeline: Pipeline) -> Iterator[Named]:
    name: Key = ("name",)
    yield name, pipeline.state_topic, "the state topic of this pipeline", True
    yield name, pipeline.dead_letter_topic, "the dead-letter topic of this pipeline", True
    fields = [entity.field for entity in pipeline.entities]
    for stage in stages(pipeline):
        if stage.next_topic is None or stage.next_field is None:
            continue
        key: Key = (f"entities[{fields.index(stage.next_field)}]", "field")
        for topic in (stage.state_topic, stage.next_topic):
            yield key, topic, f"the topic {topic} of this pipeline", True


def _given_topics(pipeline: Pipeline) -> Iterator[Named]:
    tables = {
        "events": pipeline.events,
        "predictions": pipeline.predictions,
        "labels": pipeline.labels,
        "decisions": pipeline.decisions,
        "metrics": pipeline.metrics,
    }
    for name, table in tables.items():
        if table is not None and table.topic is not None:
            yield (name, "topic"), table.topic, f"{name}.topic", False


def _flat(topic: str) -> str:
    return topic.replace(".", "_")
