"""Mini-batch k-means."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from learners.clusters.centres import (
    Centres,
    CentresBatch,
    choose_centres,
    find_nearest,
    keep,
    pull,
)
from learners.engine.kernels import Floats, Ints, helper, kernel, often
from learners.parameters import whole


class MiniBatchKMeans(Centres):
    """k-means that learns from a batch of kept events at a time.

    Events are kept until there are `batch_size`. The first full batch chooses the centres, as
    k-means++ does. With every full batch each event is first given to its nearest centre,
    then moves it by 1 / (the events that the centre has had): a rate that falls, so the
    centres settle and nothing is forgotten. `k_means` is the one for streams that drift.

    Predictions and scores are as those of `k_means`.

    Parameters
    ----------
    n_clusters
        Centres, at least 1.
    batch_size
        Events learned at once, at least `n_clusters`. Snapshots hold those that are kept.
    seed
        Of the choice of the centres, at least 0.

    Examples
    --------
    >>> from river import datasets
    >>> from learners import create
    >>> model = create("mini_batch_k_means", {"n_clusters": 2}, scale=True)
    >>> for x, y in datasets.Bananas():
    ...     model.learn_one(x)
    >>> x, y = next(iter(datasets.Bananas()))
    >>> model.predict_one(x), round(model.score(x), 3)
    (0, 2.021)

    References
    ----------
    Sculley: Web-Scale K-Means Clustering. WWW 2010, algorithm 1.
    """

    mass: ClassVar[str] = "counts"

    def __init__(self, n_clusters: int = 5, batch_size: int = 100, seed: int = 0) -> None:
        super().__init__(n_clusters, seed)
        self.batch_size = whole("batch_size", batch_size, least=self.n_clusters)
        self.kept = np.empty((self.batch_size, 0))

    def work(self, batch: CentresBatch) -> None:
        """See Centres."""
        _cluster(*batch)


@helper
def _learn(kept: Floats, columns: Ints, centres: Floats, counts: Floats) -> None:
    n = kept.shape[0]
    nearest = np.empty(n, np.int64)
    for i in range(n):
        nearest[i], _ = find_nearest(kept[i], columns, centres)
    for i in range(n):
        k = nearest[i]
        counts[k] += 1.0
        pull(kept[i], columns, 1.0 / counts[k], centres[k])


@kernel
def _cluster(
    predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, times: Ints,
    nearest: Ints, distances: Floats, centres: Floats, counts: Floats, kept: Floats,
    progress: Floats,
) -> None:  # fmt: skip
    for i in range(targets.shape[0]):
        nearest[i], distances[i] = -1, -1.0
        if progress[1] > 0.0:
            nearest[i], gap = find_nearest(predict_with[i], columns, centres)
            distances[i] = math.sqrt(gap)
        for _ in range(often(targets[i], times, i)):
            if keep(learn_from[i], columns, kept, progress):
                everything = np.arange(kept.shape[1])
                if progress[1] == 0.0:
                    choose_centres(kept, everything, centres, progress)
                _learn(kept, everything, centres, counts)
                progress[0], progress[1] = 0.0, 1.0
