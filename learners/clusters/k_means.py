"""Streaming k-means with a half-life."""

from __future__ import annotations

import math
from typing import Any, ClassVar

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
from learners.errors import WrongValue
from learners.parameters import whole

DEAD = 1e-8


class KMeans(Centres):
    """Streaming k-means that forgets.

    The first `buffer` events are kept; the centres are then chosen among them as k-means++
    does, far from each other, and the kept events are learned. From there on every event
    moves its nearest centre to the weighted mean of the two. An event's weight is 1 and
    halves every `half_life` events. A centre whose weight falls under 1e-8 of the heaviest
    one's is dead: the heaviest is split in two.

    `predict_one` gives the number of the nearest centre and changes nothing; the score is
    the Euclidean distance to it, an anomaly score. Both are None until the centres are
    chosen. Distances run over the features that the event and the centre have in common.

    Parameters
    ----------
    n_clusters
        Centres, at least 1.
    half_life
        Events after which an event counts half, above 0; inf (`inf` in TOML): never forget.
        This is Spark's meaning with time unit "points"; River's `halflife` is a step size.
    buffer
        Events kept before the centres are chosen, at least `n_clusters`.
    seed
        Of the choice of the centres, at least 0.

    Examples
    --------
    >>> from river import datasets
    >>> from learners import create
    >>> model = create("k_means", {"n_clusters": 2, "half_life": 500.0}, scale=True)
    >>> for x, y in datasets.Bananas():
    ...     model.learn_one(x)
    >>> x, y = next(iter(datasets.Bananas()))
    >>> model.predict_one(x), round(model.score(x), 3)
    (1, 1.95)

    References
    ----------
    Arthur, Vassilvitskii: k-means++: The Advantages of Careful Seeding. SODA 2007.
    Apache Spark MLlib: StreamingKMeans, for the half-life and the dead centres.
    """

    mass: ClassVar[str] = "weights"

    def __init__(
        self,
        n_clusters: int = 5,
        half_life: float = math.inf,
        buffer: int = 100,
        seed: int = 0,
    ) -> None:
        super().__init__(n_clusters, seed)
        self.half_life = _half_life(half_life)
        self.buffer = whole("buffer", buffer, least=self.n_clusters)
        self.kept = np.empty((self.buffer, 0))

    def work(self, batch: CentresBatch) -> None:
        """See Centres."""
        _cluster(*batch, 0.5 ** (1.0 / self.half_life))


def _half_life(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise WrongValue("half_life", value, "must be a number of events above 0, or inf")
    return float(value)


@helper
def _learn(row: Floats, columns: Ints, centres: Floats, weights: Floats, decay: float) -> None:
    nearest, _ = find_nearest(row, columns, centres)
    for k in range(weights.shape[0]):
        weights[k] *= decay
    weights[nearest] += 1.0
    pull(row, columns, 1.0 / weights[nearest], centres[nearest])


@helper
def _split_for_dead(centres: Floats, weights: Floats) -> None:
    dead, heaviest = weights.argmin(), weights.argmax()
    if weights[dead] < DEAD * weights[heaviest]:
        weights[heaviest] /= 2.0
        weights[dead] = weights[heaviest]
        for c in range(centres.shape[1]):
            nudge = 1e-14 * max(abs(centres[heaviest, c]), 1.0)
            centres[dead, c] = centres[heaviest, c] - nudge
            centres[heaviest, c] += nudge


@kernel
def _cluster(
    predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, times: Ints,
    nearest: Ints, distances: Floats, centres: Floats, weights: Floats, kept: Floats,
    progress: Floats, decay: float,
) -> None:  # fmt: skip
    for i in range(targets.shape[0]):
        nearest[i], distances[i] = -1, -1.0
        if progress[1] > 0.0:
            nearest[i], gap = find_nearest(predict_with[i], columns, centres)
            distances[i] = math.sqrt(gap)
        for _ in range(often(targets[i], times, i)):
            if progress[1] > 0.0:
                _learn(learn_from[i], columns, centres, weights, decay)
                _split_for_dead(centres, weights)
                continue
            if keep(learn_from[i], columns, kept, progress):
                everything = np.arange(kept.shape[1])
                choose_centres(kept, everything, centres, progress)
                for k in range(kept.shape[0]):
                    _learn(kept[k], everything, centres, weights, decay)
                _split_for_dead(centres, weights)
                progress[0], progress[1] = 0.0, 1.0
