"""What both k-means share: centres, and the events that are kept until they are learned."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from learners.base import Scored, Task
from learners.engine.compiled import Compiled
from learners.engine.kernels import Floats, Ints, clip, helper
from learners.parameters import whole

CentresBatch = tuple[
    Floats, Floats, Ints, Floats, Ints, Ints, Floats, Floats, Floats, Floats, Floats
]  # fmt: skip
"""What `advance` is given; where the numbers of the nearest centres and the distances to them
go, both of shape (rows,); centres, masses, kept and progress."""


class Centres(Compiled):
    """`n_clusters` centres, the first of them chosen among kept events.

    Attributes
    ----------
    centres
        Shape (clusters, columns); NaN where a centre does not know a feature.
    masses
        How many events each centre stands for; a snapshot calls them as `mass` says.
    kept
        Shape (events, columns): as many as there is room for.
    progress
        Events that are kept, whether the centres are chosen, and the state of the generator.
    """

    task: ClassVar[Task] = "clustering"
    per_column: ClassVar[Mapping[str, float]] = {"centres": math.nan, "kept": math.nan}
    mass: ClassVar[str]

    centres: Floats
    kept: Floats

    def __init__(self, n_clusters: int, seed: int) -> None:
        super().__init__()
        self.n_clusters = whole("n_clusters", n_clusters, least=1)
        self.seed = whole("seed", seed, least=0)
        self.centres = np.empty((n_clusters, 0))
        self.masses: Floats = np.zeros(n_clusters)
        self.progress: Floats = np.array([0.0, 0.0, float(seed % 2147483646 + 1)])

    def targets(self, labels: Sequence[Any]) -> Floats:
        """Clustering needs no label: None is learned, UNLABELLED is not."""
        return super().targets([0.0 if y is None else y for y in labels])

    def advance(
        self, predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, times: Ints
    ) -> Scored:
        """See Compiled."""
        rows = predict_with, learn_from, columns, targets, times
        nearest, distances = np.empty(len(targets), np.int64), np.empty(len(targets))
        self.work((*rows, nearest, distances, self.centres, self.masses, self.kept, self.progress))
        predictions: list[Any] = nearest.tolist()
        scores: list[float | None] = list(distances.tolist())
        if predictions and predictions[0] < 0:
            unknown = predictions.count(-1)
            predictions[:unknown] = scores[:unknown] = [None] * unknown
        return Scored(predictions, scores)

    @abstractmethod
    def work(self, batch: CentresBatch) -> None:
        """Call the kernel with `batch` and whatever else it needs."""

    def state(self) -> dict[str, Any]:
        """The names of the features, centres, masses, kept events and progress."""
        n = len(self.columns)
        return {
            "features": self.columns.names,
            "centres": self.centres[:, :n],
            self.mass: self.masses,
            "kept": self.kept[: int(self.progress[0]), :n],
            "progress": self.progress,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        room = len(self.kept)
        super().load(state)
        self.masses = np.array(state[self.mass], np.float64)
        self.progress = np.array(state["progress"], np.float64)
        self.kept = np.full((room, len(self.columns)), math.nan)
        self.kept[: len(state["kept"])] = state["kept"]


@helper
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


@helper
def find_nearest(row: Floats, columns: Ints, centres: Floats) -> tuple[int, float]:
    """The nearest centre and the squared distance to it."""
    best, least = 0, distance(row, columns, centres[0])
    for k in range(1, centres.shape[0]):
        gap = distance(row, columns, centres[k])
        if gap < least:
            best, least = k, gap
    return best, least


@helper
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


@helper
def keep(row: Floats, columns: Ints, kept: Floats, progress: Floats) -> bool:
    """Put a row to the kept ones; True when there is no room for another."""
    n = int(progress[0])
    kept[n, :] = math.nan
    for j in range(columns.shape[0]):
        kept[n, columns[j]] = row[j]
    progress[0] += 1.0
    return bool(n + 1 == kept.shape[0])


@helper
def draw(progress: Floats) -> float:
    """A number in (0, 1) of the minimal standard generator (Park and Miller, 1988)."""
    state = (int(progress[2]) * 48271) % 2147483647
    progress[2] = state
    return state / 2147483647.0


@helper
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
