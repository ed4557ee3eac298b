"""From a name in a pipeline file to a model."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from learners.base import Estimator
from learners.drift.watched import LearnerFactory, Watched, watched
from learners.engine.compiled import Compiled
from learners.errors import UnknownLearner
from learners.model import Model
from learners.multiclass.one_vs_rest import OneVsRest
from learners.ours import ALONE, made
from learners.scaler import Scaled
from learners.stepped import Stepped, SteppedEvents
from learners.steps.chain import Chain

OURS: dict[str, type[Compiled]] = {**ALONE, "one_vs_rest": OneVsRest}
Steps = Sequence[Mapping[str, Any]]
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
    steps: Steps = (),
) -> Model:
    """A new model.

    Parameters
    ----------
    type
        A name of `names()`, the dotted name of a River estimator
        ("river.forest.ARFClassifier") or a user's own "module:name".
    params
        Keyword arguments: plain values. A nested estimator of River's is a table with its
        dotted name as "type" and its own parameters beside it.
    scale
        Whether a standard scaler stands before it, after all steps.
    drift
        How its loss is watched, and what follows from a drift; see `learners.drift.settings`.
    steps
        What stands before it: for each step its name as "type", and its parameters; see
        `learners.steps.registry`.

    Raises UnknownLearner, ParameterError, StepError and DriftError, which name the key and
    what is allowed. Names are imported: they must come from a pipeline file, never from data.
    """
    params = dict(params or {})
    estimator = new(type, params, scale, steps)
    if drift is not None:
        estimator = _watched(estimator, drift, type, params, scale, steps)
    model = Model(type, params, scale, estimator, drift, steps)
    if type not in OURS:
        model.read_names()
    return model


def restore(
    state: Any,
    type: str,
    params: Mapping[str, Any],
    scale: bool,
    drift: Mapping[str, Any],
    steps: Steps,
) -> Estimator:
    """The estimator that `state` is of, of a model that `create` made of the rest."""
    if not drift:
        return revive(type, params, scale, steps, state)
    learner = revive(type, params, scale, steps, state["learner"])
    estimator = _watched(learner, drift, type, params, scale, steps)
    estimator.load(state)
    return estimator


def _watched(learner: Estimator, drift: Mapping[str, Any], *made_of: Any) -> Watched:
    """`made_of`: the arguments of `new`."""
    make = LearnerFactory(partial(new, *made_of), partial(revive, *made_of))
    return watched(learner, make, drift)


def new(type: str, params: Mapping[str, Any], scale: bool, steps: Steps) -> Estimator:
    """A new estimator, unwatched; see `create`."""
    if steps:
        return _stepped(new(type, params, False, ()), scale, steps)
    if type in OURS:
        return _ours(type, params, scale)
    if type in WRAPPED or "." in type or ":" in type:
        from learners.river.estimator import RiverEstimator  # River takes a second to import

        return RiverEstimator.create(WRAPPED.get(type, type), params, scale, type)
    raise UnknownLearner(f"learner {type!r}: unknown{_hint(type)}")


def revive(
    type: str, params: Mapping[str, Any], scale: bool, steps: Steps, state: Any
) -> Estimator:
    """The estimator, unwatched, that `state` is of."""
    if steps:
        stepped = _stepped(revive(type, params, False, (), state["learner"]), scale, steps)
        stepped.load(state)
        return stepped
    if type in OURS:
        learner = _ours(type, params, scale)
        learner.load(state)
        return learner
    from learners.river.estimator import RiverEstimator  # River takes a second to import

    return RiverEstimator(state, type)


def _ours(type: str, params: Mapping[str, Any], scale: bool) -> Compiled:
    learner = made(OURS, type, params)
    return Scaled(learner) if scale else learner


def _stepped(learner: Estimator, scale: bool, steps: Steps) -> Stepped | SteppedEvents:
    chain = Chain([*steps, {"type": "scale"}] if scale else steps, learner.task)
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
