"""Feature selection by correlation with the label."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from learners.base import Task
from learners.engine.kernels import Floats, Ints, clip, kernel
from learners.steps.selection import UNKNOWN, Selection, SelectionBatch, find_threshold, passed


class SelectByCorrelation(Selection):
    """Lets the `k` features pass that correlate most with the label, in absolute value.

    For labels that are numbers, or of two classes; the running correlation is Pearson's.

    Parameters
    ----------
    k
        Features that pass, at least 1.

    Examples
    --------
    >>> from river import datasets
    >>> step = SelectByCorrelation(k=2)
    >>> for x, y in datasets.Phishing():
    ...     step.learn_one(x, y)
    >>> step.transform_one(x)
    {'empty_server_form_handler': 1.0, 'https': 1.0}

    References
    ----------
    Welford (1962), for the running covariance. River: feature_selection.SelectKBest with
    stats.PearsonCorr and use_abs.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("binary", "regression")
    per_column: ClassVar[Mapping[str, float]] = {
        "merits": UNKNOWN, "counts": 0.0, "means": 0.0, "label_means": 0.0,
        "variances": 0.0, "label_variances": 0.0, "covariances": 0.0,
    }  # fmt: skip

    counts: Floats
    means: Floats
    label_means: Floats
    variances: Floats
    label_variances: Floats
    covariances: Floats

    def select(self, batch: SelectionBatch) -> None:
        """See Selection."""
        _select(
            *batch, self.counts, self.means, self.label_means, self.variances,
            self.label_variances, self.covariances,
        )  # fmt: skip


@kernel
def _select(
    predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, before: Floats,
    after: Floats, k: int, merits: Floats, learned: Floats, counts: Floats, means: Floats,
    label_means: Floats, variances: Floats, label_variances: Floats, covariances: Floats,
) -> None:  # fmt: skip
    threshold = np.empty(2)
    find_threshold(merits, k, threshold)
    for i in range(targets.shape[0]):
        passed(predict_with[i], columns, merits, threshold, before[i])
        if math.isnan(targets[i]):
            after[i, :] = math.nan
            continue
        if learned[0] == 0.0:
            after[i, :] = learn_from[i]
        else:
            passed(learn_from[i], columns, merits, threshold, after[i])
        learned[0] += 1.0
        y = clip(targets[i])
        for j in range(columns.shape[0]):
            value = learn_from[i, j]
            if value == value:
                c, value = columns[j], clip(value)
                counts[c] += 1.0
                off, label_off = value - means[c], y - label_means[c]
                means[c] += off / counts[c]
                label_means[c] += label_off / counts[c]
                rest, label_rest = value - means[c], y - label_means[c]
                variances[c] += (off * rest - variances[c]) / counts[c]
                label_variances[c] += (label_off * label_rest - label_variances[c]) / counts[c]
                covariances[c] += (off * label_rest - covariances[c]) / counts[c]
                size = math.sqrt(variances[c]) * math.sqrt(label_variances[c])
                merits[c] = abs(covariances[c]) / size if size > 0.0 else 0.0
        find_threshold(merits, k, threshold)
