"""Which formula a learner is mixed by."""

from __future__ import annotations

from typing import Literal

from learners.errors import LearnerError
from learners.spec import LearnerSpec

Family = Literal["trace_gain", "precisions", "steady", "centres"]
_STEADY = ("linear_regression", "passive_aggressive", "passive_aggressive_regressor", "svm")
_STEPS = ("quantile_bins", "scale")
INSTEAD = "one learner for all partitions takes it"


class CannotMix(LearnerError):
    """A learner, or what stands before it, of which no sum of parts is known."""


def family(spec: LearnerSpec) -> Family:
    """The formula. Raises CannotMix, which names what cannot be mixed."""
    if spec.drift is not None:
        raise CannotMix(f"learner.drift: a watched learner cannot be mixed; {INSTEAD}")
    for i, step in enumerate(spec.steps):
        if step["type"] not in _STEPS:
            what = f"steps[{i}].type = {step['type']!r}: cannot be mixed"
            raise CannotMix(f"learner.{what}, only {', '.join(_STEPS)} can; {INSTEAD}")
    return _of_learner(spec)


def _of_learner(spec: LearnerSpec) -> Family:
    params = spec.params
    if spec.type == "logistic_regression":
        return "steady" if params.get("optimizer", "sgd") == "sgd" else "trace_gain"
    if spec.type in ("arow", "soft_confidence_weighted"):
        return "precisions"
    if spec.type == "svm" and params.get("mode", "sgd") != "sgd":
        raise CannotMix(f"learner.mode = 'pegasos': its rate is its own count; {INSTEAD}")
    if spec.type in _STEADY:
        return "steady"
    if spec.type == "mini_batch_k_means" or (spec.type == "k_means" and "half_life" not in params):
        return "centres"
    raise CannotMix(f"learner.type = {spec.type!r}: cannot be mixed; {INSTEAD}")
