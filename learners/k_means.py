"""Streaming k-means with a half-life."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from learners.base import Scored, Task
from learners.compiled import Compiled, grown
from learners.errors import ParameterError
from learners.kernels import Floats, Ints, clip, kernel
from learners.parameters import whole

DEAD = 1e-8


class KMeans(Compiled):
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
    >>> from learners.registry import create
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

    task: ClassVar[Task] = "clustering"

    def __init__(
        self,
        n_clusters: int = 5,
        half_life: float = math.inf,
        buffer: int = 100,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.n_clusters = whole("n_clusters", n_clusters, least=1)
        self.half_life = _half_life(half_life)
        self.buffer = whole("buffer", buffer, least=self.n_clusters)
        self.seed = whole("seed", seed, least=0)
        self.centres: Floats = np.empty((n_clusters, 0))
        self.weights: Floats = np.zeros(n_clusters)
        self.kept: Floats = np.empty((buffer, 0))
        # kept events, whether the centres are chosen, state of the generator
        self.progress: Floats = np.array([0.0, 0.0, float(seed % 2147483646 + 1)])

    def targets(self, labels: Sequence[Any]) -> Floats:
        """Clustering needs no label: None is learned, UNLABELLED is not."""
        return super().targets([0.0 if y is None else y for y in labels])

    def advance(
        self, predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats
    ) -> Scored:
        """See Compiled."""
        nearest, distances = np.empty(len(targets), np.int64), np.empty(len(targets))
        _cluster(
            predict_with, learn_from, columns, targets, self.centres, self.weights, self.kept,
            self.progress, 0.5 ** (1.0 / self.half_life), nearest, distances,
        )  # fmt: skip
        return clustered(nearest, distances)

    def grow(self, n: int) -> None:
        """Make room for `n` columns."""
        self.centres = grown(self.centres, n, math.nan)
        self.kept = grown(self.kept, n, math.nan)

    def state(self) -> dict[str, Any]:
        """The names of the features, centres, weights, kept events and progress."""
        n = len(self.columns)
        return {
            "features": self.columns.names,
            "centres": self.centres[:, :n],
            "weights": self.weights,
            "kept": self.kept[: int(self.progress[0]), :n],
            "progress": self.progress,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        self.columns.replace(state["features"])
        self.centres = np.array(state["centres"], np.float64)
        self.weights = np.array(state["weights"], np.float64)
        self.progress = np.array(state["progress"], np.float64)
        self.kept = np.full((self.buffer, len(self.columns)), math.nan)
        self.kept[: len(state["kept"])] = state["kept"]


def _half_life(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ParameterError(f"half_life = {value!r}: must be a number of events above 0, or inf")
    return float(value)


def clustered(nearest: Ints, distances: Floats) -> Scored:
    """Centres and distances; None for the rows (-1) that came before there were centres."""
    predictions: list[Any] = nearest.tolist()
    scores: list[float | None] = list(distances.tolist())
    if predictions and predictions[0] < 0:
        unknown = predictions.count(-1)
        predictions[:unknown] = scores[:unknown] = [None] * unknown
    return Scored(predictions, scores)


@kernel
def distance(row: Floats, columns: Ints, centre: Floats) -> float:
    """The squared distance over the features that both have."""
    total = 0.0
    for j in range(row.shape[0]):
        value = row[j]
        if value == value:
            gap = clip(value) - centre[columns[j]]
            if gap == gap:
                total += gap * gap
    return total


@kernel
def find_nearest(row: Floats, columns: Ints, centres: Floats) -> tuple[int, float]:
    """The nearest centre and the squared distance to it."""
    best, least = 0, distance(row, columns, centres[0])
    for k in range(1, centres.shape[0]):
        gap = distance(row, columns, centres[k])
        if gap < least:
            best, least = k, gap
    return best, least


@kernel
def pull(row: Floats, columns: Ints, share: float, centre: Floats) -> None:
    """Move a centre by `share` of the way to the row; a new feature is taken over."""
    for j in range(row.shape[0]):
        value = row[j]
        if value == value:
            value, c = clip(value), columns[j]
            if centre[c] == centre[c]:
                centre[c] += share * (value - centre[c])
            else:
                centre[c] = value


@kernel
def keep(row: Floats, columns: Ints, kept: Floats, progress: Floats) -> bool:
    """Put a row to the kept ones; True when there is no room for another."""
    n = int(progress[0])
    kept[n, :] = math.nan
    for j in range(columns.shape[0]):
        kept[n, columns[j]] = row[j]
    progress[0] += 1.0
    return bool(n + 1 == kept.shape[0])


@kernel
def draw(progress: Floats) -> float:
    """A number in (0, 1) of the minimal standard generator (Park and Miller, 1988)."""
    state = (int(progress[2]) * 48271) % 2147483647
    progress[2] = state
    return state / 2147483647.0


@kernel
def choose_centres(kept: Floats, columns: Ints, centres: Floats, progress: Floats) -> None:
    """k-means++: each next centre is a kept row, drawn by its squared distance to the others."""
    n = kept.shape[0]
    gaps = np.full(n, np.inf)
    chosen = min(int(draw(progress) * n), n - 1)
    for k in range(centres.shape[0]):
        if k > 0:
            total = 0.0
            for gap in gaps:
                total += gap
            left = draw(progress) * total
            chosen = 0
            while chosen < n - 1 and left >= gaps[chosen]:
                left -= gaps[chosen]
                chosen += 1
        centres[k, :] = kept[chosen, : centres.shape[1]]
        for i in range(n):
            gaps[i] = min(gaps[i], distance(kept[i], columns, centres[k]))


@kernel
def _learn(row: Floats, columns: Ints, centres: Floats, weights: Floats, decay: float) -> None:
    nearest, _ = find_nearest(row, columns, centres)
    for k in range(weights.shape[0]):
        weights[k] *= decay
    weights[nearest] += 1.0
    pull(row, columns, 1.0 / weights[nearest], centres[nearest])


@kernel
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
    predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats,
    centres: Floats, weights: Floats, kept: Floats, progress: Floats, decay: float,
    nearest: Ints, distances: Floats,
) -> None:  # fmt: skip
    for i in range(targets.shape[0]):
        nearest[i], distances[i] = -1, -1.0
        if progress[1] > 0.0:
            nearest[i], gap = find_nearest(predict_with[i], columns, centres)
            distances[i] = math.sqrt(gap)
        if math.isnan(targets[i]):
            continue
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
