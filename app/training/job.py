"""What all processes of a stage are told: those of this machine, and Spark's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.pipeline.load import Pipeline
from app.pipeline.stages import stages
from app.training.exchange import Meeting, Meets
from app.training.part import Look, PartRun

Marks = Sequence[tuple[int, int]]
"""The place of the first record behind each mark, and the mark."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A stage that is learned in parts.

    Attributes:
        pipeline: What to do; it mixes where the parts do.
        stage: The number of the stage.
        parts: How many there are.
        marks: Those of the whole history, where they are known.
        meeting: Where parts that mix meet; None where they do not.
        ends_in_one: Whether all parts have one model at the end.
        snapshot_key: Signs models that need pickle.
    """

    pipeline: Pipeline
    stage: int
    parts: int
    marks: Marks = ()
    meeting: Meeting | None = None
    ends_in_one: bool = False
    snapshot_key: bytes | None = None

    def begin(self, part: int, look: Look | None = None) -> PartRun:
        """A part, in this process, that has learned nothing yet; see `PartRun`."""
        stage = stages(self.pipeline)[self.stage]
        meets = None if self.meeting is None else Meets(self.meeting, part)
        return PartRun(self.pipeline, stage, part, self.parts, self.snapshot_key, meets, look)

    def end(self, run: PartRun, passed: Marks) -> None:
        """Nothing follows in a part: it takes over what all have learned, where they end in one."""
        if self.ends_in_one and run.stage.next_topic is None:
            run.become_one(passed)
