"""The model of a pipeline, before it has learned anything."""

from __future__ import annotations

from dataclasses import replace

from app.pipeline.model import Pipeline
from learners import registry
from learners.model import Model


def new_model(pipeline: Pipeline) -> Model:
    """A model that has learned nothing, with the steps, the scaler and the watch of the file."""
    return registry.from_spec(pipeline.learner.spec)


def new_share(pipeline: Pipeline, learner: int) -> Model:
    """As `new_model`, with the members that one of several learners has; of one, all of them."""
    spec = pipeline.learner.spec
    return registry.from_spec(spec if spec.learners == 1 else replace(spec, share=learner))
