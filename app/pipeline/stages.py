"""The stages of a pipeline: one, one more for each entity that keys the events anew; and for a
learner that all partitions share one that learns, and one that decides and evaluates; several
learners are one stage, before which one more deals the rows out to them.
"""

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
        next_topic: Where it forwards to: events, or from a stage that scores labelled rows; None
            for the last stage.
        next_field: The field that keys the events there; None in a stage that scores.
        partitions: How many it has; None: as many as the events.
        joins: Whether late labels find their events here.
        decides: Whether it decides or evaluates for all partitions.
        deals: Whether it deals labelled rows out to several learners.
    """

    inputs: tuple[str, ...]
    state_topic: str
    entities: tuple[tuple[int, Entity], ...] = ()
    next_topic: str | None = None
    next_field: str | None = None
    partitions: int | None = None
    joins: bool = False
    decides: bool = False
    deals: bool = False

    @property
    def scores(self) -> bool:
        """Whether events are scored here; their labels are learned here, or forwarded."""
        return self.next_field is None and self.partitions is None

    @property
    def learns(self) -> bool:
        """Whether the model is learned here: in the last stage."""
        return self.next_topic is None and not self.decides

    @property
    def shared(self) -> bool:
        """Whether it learns the rows of all partitions; each of its partitions is a learner."""
        return self.partitions is not None and not self.decides and not self.deals

    @property
    def learners(self) -> range:
        """The numbers of the learners that learn the rows of all partitions, if it is theirs."""
        return range(self.partitions or 0) if self.shared else range(0)


def stages(pipeline: Pipeline) -> tuple[Stage, ...]:
    """The stages in the order in which an event goes through them."""
    events, labels = pipeline.events, pipeline.labels
    fields = _keyed_by(pipeline)
    inputs = (events.topic, labels.topic) if labels else (events.topic,)
    made: list[Stage] = []
    for here, following in zip([events.key, *fields], [*fields, None], strict=True):
        keyed_so = {here} if made else {here, None}  # the whole stream: in the first stage
        tables = tuple((n, e) for n, e in enumerate(pipeline.entities) if e.field in keyed_so)
        is_joining = following is None if joins_by_id(pipeline) else not made
        joins = labels is not None and is_joining
        if following is None:
            made += _last(pipeline, inputs, tables, joins=joins)
            break
        name = "events" if not made else f"by-{here}"
        state, inner = f"{pipeline.name}.{name}.state.v1", f"{pipeline.name}.by-{following}.v1"
        made.append(Stage(inputs, state, tables, inner, following, joins=joins))
        inputs = (inner,)
    return tuple(made)


def joins_by_id(pipeline: Pipeline) -> bool:
    """Whether labels find their events in the last stage, which is keyed by the events' ids."""
    events, labels = pipeline.events, pipeline.labels
    return labels is not None and labels.key == "id" and events.key != events.id


def _keyed_by(pipeline: Pipeline) -> list[str]:
    """The fields that key the events anew, in the order of the stages."""
    events = pipeline.events
    if not joins_by_id(pipeline) or events.id is None:
        return [f for f in entity_fields(pipeline) if f != events.key]
    return [f for f in entity_fields(pipeline) if f not in (events.key, events.id)] + [events.id]


def _last(
    pipeline: Pipeline,
    inputs: tuple[str, ...],
    tables: tuple[tuple[int, Entity], ...],
    *,
    joins: bool,
) -> list[Stage]:
    """What scores and learns: one stage, or one that scores and one that learns."""
    if pipeline.learner.shared != "learner":
        return [Stage(inputs, pipeline.state_topic, tables, joins=joins)]
    scorer = Stage(inputs, pipeline.state_topic, tables, pipeline.rows_topic, joins=joins)
    state = f"{pipeline.name}.scored.state.v1"
    deciding = Stage((pipeline.scored_topic,), state, partitions=1, decides=True)
    learning = _learning(pipeline)
    return [scorer, deciding, *learning] if decides_for_all(pipeline) else [scorer, *learning]


def _learning(pipeline: Pipeline) -> list[Stage]:
    """What learns labelled rows: one learner; or several, and what deals the rows out to them.

    Were the rows written to each learner by those who score, two of these could come in another
    order to one learner than to the next: then the learners would not have learned one log.
    """
    count, rows, shares = pipeline.learner.learners, pipeline.rows_topic, pipeline.shares_topic
    if count == 1:
        return [Stage((rows,), pipeline.versions_topic, partitions=1)]
    state = f"{pipeline.name}.rows.state.v1"
    dealing = Stage((rows,), state, next_topic=shares, partitions=1, deals=True)
    return [dealing, Stage((shares,), pipeline.versions_topic, partitions=count)]


def decides_for_all(pipeline: Pipeline) -> bool:
    """Whether a budget and the metrics are those of the pipeline, not of a partition."""
    needs = pipeline.decisions.budget is not None or pipeline.metrics is not None
    return needs and pipeline.learner.shared == "learner"


def merged_topics(pipeline: Pipeline) -> tuple[str, ...]:
    """Inputs of the first stage that are read in the order of time; none where they need not be.

    With several stages, and where models are mixed, all of their partitions are read as one
    stream.
    """
    first, *later = stages(pipeline)
    return first.inputs if later or pipeline.labels or mixes(pipeline) else ()


def merged_together(pipeline: Pipeline) -> bool:
    """Whether all partitions of `merged_topics` are read as one stream."""
    return len(stages(pipeline)) > 1 or mixes(pipeline)


def merged_inner(pipeline: Pipeline) -> tuple[str, ...]:
    """The inner topics that are read in the order of time: those of a last stage that mixes."""
    *before, last = stages(pipeline)
    return last.inputs if before and mixes(pipeline) else ()


def mixes(pipeline: Pipeline) -> bool:
    """Whether each partition learns by itself, and all mix what they have learned."""
    return pipeline.learner.shared == "mix"


def mark_length(pipeline: Pipeline) -> int:
    """Milliseconds between two marks, in the time of the events."""
    return round(1000 * pipeline.learner.mark)


def entity_fields(pipeline: Pipeline) -> list[str]:
    """The fields that name entities, in the order of the file."""
    return list(dict.fromkeys(entity.field for entity in pipeline.entities if entity.field))


def only_scores(pipeline: Pipeline) -> bool:
    """Whether an event is scored as it comes: nothing waits, nothing is added or evaluated."""
    decisions = pipeline.decisions
    decides = decisions.threshold is not None or decisions.budget is not None or decisions.reasons
    more = pipeline.labels or pipeline.entities or pipeline.events.functions or pipeline.metrics
    return not (more or decides or pipeline.history or pipeline.learner.shared == "learner")
