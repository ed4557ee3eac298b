"""From a name in a pipeline file to a model."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from learners.arow import AROW
from learners.base import Estimator
from learners.compiled import Compiled
from learners.errors import ParameterError, UnknownLearner
from learners.k_means import KMeans
from learners.linear_regression import LinearRegression
from learners.logistic import LogisticRegression
from learners.mini_batch_k_means import MiniBatchKMeans
from learners.model import Model
from learners.one_vs_rest import OneVsRest
from learners.passive_aggressive import PassiveAggressive, PassiveAggressiveRegressor
from learners.passive_aggressive_multiclass import PassiveAggressiveMulticlass
from learners.scaler import Scaled
from learners.soft_confidence_weighted import SoftConfidenceWeighted
from learners.stepped import Stepped, SteppedEvents
from learners.steps.chain import Chain
from learners.svm import SVM

OURS: dict[str, type[Compiled]] = {
    "arow": AROW,
    "k_means": KMeans,
    "linear_regression": LinearRegression,
    "logistic_regression": LogisticRegression,
    "mini_batch_k_means": MiniBatchKMeans,
    "one_vs_rest": OneVsRest,
    "passive_aggressive": PassiveAggressive,
    "passive_aggressive_multiclass": PassiveAggressiveMulticlass,
    "passive_aggressive_regressor": PassiveAggressiveRegressor,
    "soft_confidence_weighted": SoftConfidenceWeighted,
    "svm": SVM,
}
Steps = Sequence[Mapping[str, Any]]
# River's, with what they need around them
WRAPPED = {
    "half_space_trees": "learners.half_space_trees:half_space_trees",
    "one_class_svm": "learners.one_class_svm:one_class_svm",
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
        from learners.drift.watched import watched

        estimator = watched(estimator, type, params, scale, drift, steps)
    return Model(type, params, scale, estimator, drift, steps)


def new(type: str, params: Mapping[str, Any], scale: bool, steps: Steps = ()) -> Estimator:
    """A new estimator; see `create`."""
    if steps:
        return _stepped(new(type, params, False), scale, steps)
    if type in OURS:
        return ours(type, params, scale)
    if type in WRAPPED or "." in type or ":" in type:
        from learners.river_estimator import RiverEstimator  # River takes a second to import

        return RiverEstimator.create(WRAPPED.get(type, type), params, scale, type)
    raise UnknownLearner(f"learner {type!r}: unknown{_hint(type)}")


def revive(
    type: str, params: Mapping[str, Any], scale: bool, state: Any, steps: Steps = ()
) -> Estimator:
    """The estimator that `state` is of."""
    if steps:
        stepped = _stepped(revive(type, params, False, state["learner"]), scale, steps)
        stepped.load(state)
        return stepped
    if type in OURS:
        learner = ours(type, params, scale)
        learner.load(state)
        return learner
    from learners.river_estimator import RiverEstimator  # River takes a second to import

    return RiverEstimator(state, type)


def _stepped(learner: Estimator, scale: bool, steps: Steps) -> Stepped | SteppedEvents:
    chain = Chain([*steps, {"type": "scale"}] if scale else steps, learner.task)
    if isinstance(learner, Compiled):
        return Stepped(chain, learner)
    return SteppedEvents(chain, learner)


def names() -> list[str]:
    """The names that need no dots."""
    return sorted([*OURS, *WRAPPED])


def ours(type: str, params: Mapping[str, Any], scale: bool) -> Compiled:
    """One of our own learners, new."""
    make = OURS[type]
    allowed = list(inspect.signature(make).parameters)
    for key in params:
        if key not in allowed:
            raise ParameterError(
                f"learner {type!r} has no parameter {key!r}; it takes {', '.join(allowed)}"
            )
    try:
        learner = make(**params)
    except (ParameterError, TypeError) as error:
        raise ParameterError(f"learner {type!r}: {error}") from None
    return Scaled(learner) if scale else learner


def _hint(type: str) -> str:
    close = difflib.get_close_matches(type, names(), n=1)
    meant = f" (did you mean {close[0]!r}?)" if close else ""
    return (
        f"{meant}; known are {', '.join(names())}, a River estimator by its dotted name"
        " such as 'river.forest.ARFClassifier', or 'module:name'"
    )
