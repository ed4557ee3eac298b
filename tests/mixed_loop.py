"""The protocol of mixing as a plain loop: interval after interval, all partitions at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from app.pipeline.load import Pipeline
from app.pipeline.models import new_model
from app.pipeline.stages import mark_length
from learners.engine.rows import Rows
from learners.mixing.mixture import Mixed, Mixture
from learners.model import UNLABELLED, Model


class Step(NamedTuple):
    """An event that is scored, or, with a label, one that is learned."""

    time: int
    partition: int
    id: int
    features: dict[str, float]
    label: Any = UNLABELLED


def plain_loop(
    made: Pipeline, partitions: int, steps: Sequence[Step]
) -> dict[int, tuple[float | None, int]]:
    """The score of each event, and how many labels the model knew.

    Args:
        made: The pipeline.
        partitions: How many there are.
        steps: In the order of time.
    """
    mixture, scores = Mixture(made.learner.spec), dict[int, tuple[float | None, int]]()
    models = [new_model(made) for _ in range(partitions)]
    mixed = mixture.of(models[0])
    bases, changes = [mixed] * partitions, list[Mixed | None]([None] * partitions)
    span = mark_length(made)
    for mark in range(steps[0].time // span, steps[-1].time // span + 1):
        # What was said at the last mark is mixed now; what is said now, at the next one.
        if said := [change for change in changes if change is not None]:
            mixed = mixture.mixed(mixed, said)
        changes = [_change(mixture, bases[k], models[k]) for k in range(partitions)]
        for k, model in enumerate(models):
            mixture.put(model, mixture.plus(mixed, changes[k]))
            bases[k] = mixture.of(model)
        for step in steps:
            if step.time // span == mark:
                model = models[step.partition]
                known = model.learned
                (score,) = model.run(Rows.from_dicts([step.features]), [step.label]).scores
                if step.label is UNLABELLED:
                    scores[step.id] = score, known
    return scores


def _change(mixture: Mixture, base: Mixed, model: Model) -> Mixed | None:
    if model.learned == base.count:
        return None
    return mixture.change(base, mixture.of(model))
