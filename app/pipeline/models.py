"""The model of a pipeline, before it has learned anything."""

from __future__ import annotations

from app.pipeline.model import Pipeline
from learners import registry
from learners.model import Model


def new_model(pipeline: Pipeline) -> Model:
    """A model that has learned nothing, with the steps, the scaler and the watch of the file."""
    return registry.from_spec(pipeline.learner.spec)
