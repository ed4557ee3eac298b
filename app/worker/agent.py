"""The agent of a stage, as the pipeline file has it."""

from __future__ import annotations

from agents.events import EventReader
from agents.fields import EventFields
from agents.outputs import Agent
from agents.score import Score
from agents.state import State
from app.pipeline.load import Pipeline
from app.pipeline.stages import Stage
from learners.model import Model
from topics.codecs import Codec


def agent(pipeline: Pipeline, stage: Stage, state: State, model: Model | None) -> Agent:
    """The agent of one partition of ``stage``.

    Args:
        pipeline: What to do.
        stage: Which part of it.
        state: The partition's own.
        model: What learns; None in a stage before the last.
    """
    events = pipeline.events
    assert model is not None
    fields = EventFields(events.id, events.label, events.features)
    return Score(
        pipeline.name,
        model,
        EventReader(Codec(events.format), fields, model),
        Codec(pipeline.predictions.format),
        pipeline.dead_letter_topic,
    )
