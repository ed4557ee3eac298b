"""The stages of a pipeline: one, or one more for each entity that the events are keyed by anew."""

from __future__ import annotations

from dataclasses import dataclass

from app.pipeline.model import Pipeline
from app.pipeline.streams import Entity


@dataclass(frozen=True)
class Stage:
    """What one agent does: it reads co-partitioned topics, and writes to the next stage or out.

    Attributes:
        inputs: The topics it reads; merged by the time of their records where there are two.
        state_topic: Its state; partition n holds what belongs to partition n of the inputs.
        entities: The tables whose features it adds, each with its number in the pipeline file.
        next_topic: Where its events go on to; None for the last stage, which scores.
        next_field: The field that keys them there.
    """

    inputs: tuple[str, ...]
    state_topic: str
    entities: tuple[tuple[int, Entity], ...] = ()
    next_topic: str | None = None
    next_field: str | None = None

    @property
    def scores(self) -> bool:
        """Whether it is the last one."""
        return self.next_topic is None


def stages(pipeline: Pipeline) -> tuple[Stage, ...]:
    """The stages in the order in which an event goes through them."""
    events, labels = pipeline.events, pipeline.labels
    fields = [f for f in entity_fields(pipeline) if f != events.key]
    inputs = (events.topic, labels.topic) if labels else (events.topic,)
    made = []
    for here, following in zip([events.key, *fields], [*fields, None], strict=True):
        tables = tuple((n, e) for n, e in enumerate(pipeline.entities) if e.field == here)
        if following is None:
            made.append(Stage(inputs, pipeline.state_topic, tables))
            break
        name = "events" if not made else f"by-{here}"
        state, inner = f"{pipeline.name}.{name}.state.v1", f"{pipeline.name}.by-{following}.v1"
        made.append(Stage(inputs, state, tables, inner, following))
        inputs = (inner,)
    return tuple(made)


def merged_topics(pipeline: Pipeline) -> tuple[str, ...]:
    """Inputs of the first stage that are read in the order of time; none where they need not be.

    With several stages all of their partitions are read as one stream.
    """
    first, *later = stages(pipeline)
    return first.inputs if later or pipeline.labels else ()


def entity_fields(pipeline: Pipeline) -> list[str]:
    """The fields that name entities, in the order of the file."""
    return list(dict.fromkeys(entity.field for entity in pipeline.entities))


def only_scores(pipeline: Pipeline) -> bool:
    """Whether an event is scored as it comes: nothing waits, nothing is added or judged."""
    decisions = pipeline.decisions
    decides = decisions.threshold is not None or decisions.budget is not None or decisions.reasons
    more = pipeline.labels or pipeline.entities or pipeline.events.functions or pipeline.metrics
    return not (more or decides)
