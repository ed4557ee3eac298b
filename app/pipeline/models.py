"""The model of a pipeline, before it has learned anything."""

from __future__ import annotations

from dataclasses import replace

from app.pipeline.model import Pipeline
from learners import registry
from learners.model import Model
from learners.saved import snapshots


def new_model(pipeline: Pipeline, learner: int | None = None) -> Model:
    """A model that has learned nothing, with the steps, the scaler and the watch of the file.

    Args:
        pipeline: Whose.
        learner: The number of one of several learners, for the members that it has; of one
            learner, and for None, all members.
    """
    spec = pipeline.learner.spec
    if learner is not None and spec.learners > 1:
        spec = replace(spec, share=learner)
    return registry.from_spec(spec)


def loaded_model(
    pipeline: Pipeline, snapshot: bytes, key: bytes | None, learner: int | None = None
) -> Model:
    """The model of a snapshot of the pipeline.

    Args:
        pipeline: Whose.
        snapshot: As it was saved.
        key: Checks what needs pickle.
        learner: As for `new_model`.

    Raises:
        LearnerError: It is no such model.
    """
    expected, allow = new_model(pipeline, learner), pipeline.snapshots.allow
    return snapshots.load(snapshot, expected, key=key, allow=allow)[0]
