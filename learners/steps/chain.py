"""Several steps, one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from learners.base import Features, Task
from learners.engine.kernels import Floats
from learners.engine.rows import Rows
from learners.errors import StepError
from learners.steps.base import Dicts, MatrixStep, Stage, TextStep
from learners.steps.registry import Tables, create_step

CELLS = 4_000_000
"""Numbers in one matrix made of dicts; a batch with more is cut."""


class Chain:
    """The steps of a pipeline: those over texts first, then those over numbers.

    Parameters
    ----------
    tables
        One a step: its name as "type", and its parameters.
    task
        What the labels are.

    Raises StepError.
    """

    def __init__(self, tables: Tables, task: Task) -> None:
        self.texts: list[TextStep] = []
        self.matrices: list[MatrixStep] = []
        for index, table in enumerate(tables):
            step = create_step(table, index)
            kind = table["type"]
            if task not in step.tasks:
                takes = ", ".join(step.tasks)
                raise StepError(index, "type", kind, f"is for {takes}; the learner is for {task}")
            step.prepare(task)
            if isinstance(step, TextStep):
                if self.matrices:
                    before = tables[index - 1]["type"]
                    what = f"takes texts, so it must stand before {before!r}"
                    raise StepError(index, "type", kind, what)
                self.texts.append(step)
            elif isinstance(step, MatrixStep):
                self.matrices.append(step)

    def advance(self, rows: Rows | Dicts, targets: Floats) -> Stage:
        """Row after row through all steps; a row whose target is NaN is not learned."""
        if isinstance(rows, Rows):
            stage = Stage.of(rows)
        else:
            before = after = rows
            for text_step in self.texts:
                before, after = text_step.pairs(before, after, targets)
            stage = _joined(before, after)
        for step in self.matrices:
            stage = step.advance(stage, targets)
        return stage

    def origin(self, name: str) -> str:
        """The feature of an event of which `name` was made, as far as the steps know it."""
        for step in reversed((*self.texts, *self.matrices)):
            name = step.origin(name)
        return name

    def warm_up(self, n_features: int) -> int:
        """Compile all kernels; gives how many features come out."""
        for step in self.matrices:
            n_features = step.warm_up(n_features)
        return n_features

    def state(self) -> list[dict[str, Any]]:
        """The state of each step."""
        return [step.state() for step in (*self.texts, *self.matrices)]

    def load(self, states: Sequence[dict[str, Any]]) -> None:
        """Take over what `state` gave."""
        for step, state in zip((*self.texts, *self.matrices), states, strict=True):
            step.load(state)


def _joined(before: Dicts, after: Dicts) -> Stage:
    if before is after:
        return Stage.of(Rows.from_dicts(before))
    both = Rows.from_dicts([*before, *after])
    n = len(before)
    return Stage(both.names, both.matrix[:n], both.matrix[n:])


def parts(dicts: Sequence[Features]) -> Iterator[slice]:
    """Runs of dicts whose matrix, were no feature in two of them, holds at most CELLS."""
    start, width = 0, 0
    for i, x in enumerate(dicts):
        width += len(x)
        if i > start and (i + 1 - start) * width > CELLS:
            yield slice(start, i)
            start, width = i, len(x)
    if start < len(dicts):
        yield slice(start, len(dicts))
