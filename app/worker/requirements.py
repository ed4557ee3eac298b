"""What a worker needs at its start, besides Kafka."""

from __future__ import annotations

from agents.errors import AgentError
from agents.state import State
from app.pipeline.key_locations import PipelineError
from app.pipeline.load import Pipeline
from app.pipeline.models import new_model
from app.pipeline.stages import stages
from app.worker.agent_builder import AgentBuilder
from learners.errors import SignatureMissing
from learners.saved import snapshots


def require_startable(pipeline: Pipeline, snapshot_key: str | None) -> None:
    """Make what a worker makes before it reads: the model, its snapshot, and all agents.

    Raises:
        PipelineError: When one of them cannot be made.
    """
    require_key(pipeline, snapshot_key)
    key = snapshot_key.encode() if snapshot_key else None
    for stage in stages(pipeline):
        try:
            builder = AgentBuilder(pipeline, stage, 0, 1, State(), new_model(pipeline), key)
            if not stage.deals:
                builder.deciding() if stage.decides else builder.agent()
        except AgentError as error:
            raise PipelineError(f"{pipeline.name}: {error}") from None


def require_key(pipeline: Pipeline, key: str | None) -> None:
    """A learner that needs a key would otherwise fail at its first commit.

    Raises:
        PipelineError: When it needs one and there is none.
    """
    if key:
        return
    try:
        snapshots.dump(new_model(pipeline), {})
    except SignatureMissing as error:
        raise PipelineError(f"learner.type = {pipeline.learner.type!r}: {error}") from None
