"""From the tables `[[learner.steps]]` of a pipeline file to steps."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from learners.errors import StepError, WrongValue
from learners.steps.base import Step
from learners.steps.feature_hashing import FeatureHashing
from learners.steps.gaussian_projection import GaussianProjection
from learners.steps.incremental_pca import IncrementalPCA
from learners.steps.one_hot import OneHot
from learners.steps.quantile_bins import QuantileBins
from learners.steps.scale import Scale
from learners.steps.select_by_correlation import SelectByCorrelation
from learners.steps.select_by_information import SelectByInformation
from learners.steps.select_by_weight import SelectByWeight
from learners.steps.sparse_projection import SparseProjection
from learners.steps.words import Words

STEPS: dict[str, type[Step]] = {
    "feature_hashing": FeatureHashing,
    "gaussian_projection": GaussianProjection,
    "incremental_pca": IncrementalPCA,
    "one_hot": OneHot,
    "quantile_bins": QuantileBins,
    "scale": Scale,
    "select_by_correlation": SelectByCorrelation,
    "select_by_information": SelectByInformation,
    "select_by_weight": SelectByWeight,
    "sparse_projection": SparseProjection,
    "words": Words,
}
Tables = Sequence[Mapping[str, Any]]


def create_step(table: Mapping[str, Any], index: int = 0) -> Step:
    """The step that a table names in "type", with its other keys as parameters.

    Raises StepError, which names the step by its `index`, the key and what is allowed.
    """
    kind = table.get("type")
    if kind not in STEPS:
        close = difflib.get_close_matches(str(kind), STEPS, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise StepError(index, "type", kind, f"unknown{hint}; known are {', '.join(STEPS)}")
    allowed = list(inspect.signature(STEPS[kind]).parameters)
    params = {key: value for key, value in table.items() if key != "type"}
    for key, value in params.items():
        if key not in allowed:
            takes = f"it takes {', '.join(allowed)}" if allowed else "it takes none"
            what = f"step {kind!r} has no such parameter; {takes}"
            raise StepError(index, key, value, what, unknown=True)
    try:
        return STEPS[kind](**params)
    except WrongValue as error:
        raise StepError(index, error.key, error.value, error.what) from None


def takes_text(tables: Tables, name: str) -> bool:
    """Whether one of these steps turns the text of the field `name` into numbers."""
    return any(
        STEPS[table["type"]].takes_texts
        and (table.get("features") is None or name in table["features"])
        for table in tables
    )
