"""From a name in a pipeline file to a model."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from learners.base import Estimator
from learners.drift.watched import LearnerFactory, Watched, watched
from learners.engine.compiled import Compiled
from learners.ensembles.bagging import Bagging
from learners.ensembles.beside_rule import beside_rule
from learners.ensembles.members import Ensemble
from learners.errors import UnknownLearner
from learners.model import Model
from learners.multiclass.one_vs_rest import OneVsRest
from learners.ours import ALONE, made
from learners.scaler import Scaled
from learners.spec import LearnerSpec
from learners.spread.shares import require_spreadable
from learners.stepped import Stepped, SteppedEvents
from learners.steps.chain import Chain

OURS: dict[str, type[Compiled]] = {**ALONE, "bagging": Bagging, "one_vs_rest": OneVsRest}
# River's, with what they need around them
WRAPPED = {
    "half_space_trees": "learners.anomaly.half_space_trees:half_space_trees",
    "one_class_svm": "learners.anomaly.one_class_svm:one_class_svm",
}


def create(
    type: str,
    params: Mapping[str, Any] | None = None,
    scale: bool = False,
    drift: Mapping[str, Any] | None = None,
    steps: Sequence[Mapping[str, Any]] = (),
    rule: Mapping[str, Any] | None = None,
) -> Model:
    """A new model; for the parameters see LearnerSpec, for the errors `from_spec`."""
    return from_spec(LearnerSpec(type, dict(params or {}), scale, drift, steps, rule))


def from_spec(spec: LearnerSpec) -> Model:
    """A new model.

    Raises UnknownLearner, ParameterError, StepError, RuleError, DriftError and CannotSpread,
    which name the key and what is allowed. Names are imported: they must come from a pipeline
    file, never from data.
    """
    _require_known(spec.type)
    require_spreadable(spec)
    estimator = new(spec)
    if spec.drift is not None:
        estimator = _watched(spec, estimator)
    model = Model(spec, estimator)
    if spec.type not in OURS:
        model.read_names()
    return model


def restore(spec: LearnerSpec, state: Any) -> Estimator:
    """The estimator of a model that `from_spec` made, from its `state()`."""
    if not spec.drift:
        return revive(spec, state)
    estimator = _watched(spec, revive(spec, state["learner"]))
    estimator.load(state)
    return estimator


def _watched(spec: LearnerSpec, learner: Estimator) -> Watched:
    assert spec.drift is not None
    make = LearnerFactory(partial(new, spec), partial(revive, spec))
    return watched(learner, make, spec.drift)


def new(spec: LearnerSpec) -> Estimator:
    """A new estimator, unwatched. Raises as `from_spec` does."""
    if spec.rule is not None:
        return beside_rule(new(replace(spec, rule=None)), spec.rule)
    if spec.steps:
        return stepped(spec, new(_bare(spec)))
    if spec.type in OURS:
        return _ours(spec)
    if spec.learners > 1:
        from learners.river.members import new_members

        return new_members(spec)
    from learners.river.estimator import RiverEstimator  # River takes a second to import

    wrapped = WRAPPED.get(spec.type, spec.type)
    return RiverEstimator.create(wrapped, spec.params, spec.scale, spec.type)


def _require_known(type: str) -> None:
    if not (type in OURS or type in WRAPPED or "." in type or ":" in type):
        raise UnknownLearner(f"learner {type!r}: unknown{_hint(type)}")


def revive(spec: LearnerSpec, state: Any) -> Estimator:
    """The estimator, unwatched, from its `state()`."""
    if spec.rule is not None:
        mixed = beside_rule(revive(replace(spec, rule=None), state["learner"]), spec.rule)
        mixed.load(state)
        return mixed
    if spec.steps:
        made = stepped(spec, revive(_bare(spec), state["learner"]))
        made.load(state)
        return made
    if spec.type in OURS:
        learner = _ours(spec)
        learner.load(state)
        return learner
    from learners.river.estimator import RiverEstimator  # River takes a second to import

    return RiverEstimator(state, spec.type)


def _bare(spec: LearnerSpec) -> LearnerSpec:
    """Without what stands before the learner."""
    return replace(spec, scale=False, steps=())


def _ours(spec: LearnerSpec) -> Compiled:
    learner = made(OURS, spec.type, spec.params)
    if spec.learners > 1 and isinstance(learner, Ensemble):
        learner.divide(spec.learners, spec.share)
    return Scaled(learner) if spec.scale else learner


def stepped(spec: LearnerSpec, learner: Estimator) -> Stepped | SteppedEvents:
    """A learner behind the steps, and the scaler, that stand before it."""
    scaler = [{"type": "scale"}] if spec.scale else []
    chain = Chain([*spec.steps, *scaler], learner.task)
    if isinstance(learner, Compiled):
        return Stepped(chain, learner)
    return SteppedEvents(chain, learner)


def names() -> list[str]:
    """The names that need no dots."""
    return sorted([*OURS, *WRAPPED])


def _hint(type: str) -> str:
    close = difflib.get_close_matches(type, names(), n=1)
    meant = f" (did you mean {close[0]!r}?)" if close else ""
    return (
        f"{meant}; known are {', '.join(names())}, a River estimator by its dotted name"
        " such as 'river.forest.ARFClassifier', or 'module:name'"
    )
