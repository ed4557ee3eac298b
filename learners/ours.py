"""Our own learners that stand alone, by the names of a pipeline file."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from learners.clusters.k_means import KMeans
from learners.clusters.mini_batch_k_means import MiniBatchKMeans
from learners.engine.compiled import Compiled
from learners.errors import ParameterError
from learners.linear.arow import AROW
from learners.linear.linear_regression import LinearRegression
from learners.linear.logistic_regression import LogisticRegression
from learners.linear.passive_aggressive import PassiveAggressive, PassiveAggressiveRegressor
from learners.linear.soft_confidence_weighted import SoftConfidenceWeighted
from learners.linear.svm import SVM
from learners.multiclass.passive_aggressive_multiclass import PassiveAggressiveMulticlass
from learners.parameters import refuse_unknown

ALONE: dict[str, type[Compiled]] = {
    "arow": AROW,
    "k_means": KMeans,
    "linear_regression": LinearRegression,
    "logistic_regression": LogisticRegression,
    "mini_batch_k_means": MiniBatchKMeans,
    "passive_aggressive": PassiveAggressive,
    "passive_aggressive_multiclass": PassiveAggressiveMulticlass,
    "passive_aggressive_regressor": PassiveAggressiveRegressor,
    "soft_confidence_weighted": SoftConfidenceWeighted,
    "svm": SVM,
}


def made(learners: Mapping[str, type[Compiled]], type: str, params: Mapping[str, Any]) -> Compiled:
    """A new one of `learners`. Raises ParameterError, which names the learner and the key."""
    make = learners[type]
    taken = inspect.signature(make).parameters
    refuse_unknown(type, params, list(taken))
    for key, parameter in taken.items():
        if parameter.default is parameter.empty and key not in params:
            such = ', such as { type = "logistic_regression" }' if key == "learner" else ""
            raise ParameterError(f"learner {type!r}: needs the parameter {key!r}{such}")
    try:
        return make(**params)
    except (ParameterError, TypeError) as error:
        raise ParameterError(f"learner {type!r}: {error}") from None
