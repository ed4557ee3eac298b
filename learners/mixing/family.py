"""Which formula a learner is mixed by."""

from __future__ import annotations

from typing import Literal

from learners.errors import LearnerError
from learners.spec import LearnerSpec

Family = Literal["trace_gain", "precisions", "steady", "centres"]
_STEADY = ("linear_regression", "passive_aggressive", "passive_aggressive_regressor", "svm")
_STEPS = ("quantile_bins", "scale")


class CannotMix(LearnerError):
    """A learner, or what stands before it, of which no sum of parts is known.

    Attributes
    ----------
    key
        What cannot be mixed, within `[learner]`.
    what
        Why.
    """

    def __init__(self, key: tuple[str, ...], value: object, what: str) -> None:
        super().__init__(f"learner.{'.'.join(key)} = {value!r}: {what}")
        self.key = key
        self.what = what


def family(spec: LearnerSpec) -> Family:
    """The formula. Raises CannotMix, which names what cannot be mixed."""
    if spec.rule is not None:
        raise CannotMix(("rule",), dict(spec.rule), "a learner beside a rule cannot be mixed")
    if spec.drift is not None:
        raise CannotMix(
            ("drift",), dict(spec.drift), "a learner that is watched for drift cannot be mixed"
        )
    for i, step in enumerate(spec.steps):
        if step["type"] not in _STEPS:
            what = f"cannot be mixed, of all steps only {' and '.join(_STEPS)} can"
            raise CannotMix((f"steps[{i}]", "type"), step["type"], what)
    return _of_learner(spec)


def _of_learner(spec: LearnerSpec) -> Family:
    params = spec.params
    if spec.type == "logistic_regression":
        return "steady" if params.get("optimizer", "sgd") == "sgd" else "trace_gain"
    if spec.type in ("arow", "soft_confidence_weighted"):
        return "precisions"
    if spec.type == "svm" and params.get("mode", "sgd") != "sgd":
        raise CannotMix(("mode",), params["mode"], "cannot be mixed: its rate is its own count")
    if spec.type in _STEADY:
        return "steady"
    if spec.type == "mini_batch_k_means" or (spec.type == "k_means" and "half_life" not in params):
        return "centres"
    what = "cannot be mixed: no sum is known of what several of them have learned"
    raise CannotMix(("type",), spec.type, what)
