"""What both random projections share: a vector a feature name, and the sum of them."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from learners.engine.kernels import Floats, clip, kernel
from learners.parameters import whole
from learners.steps.base import MatrixStep, Stage

_REMEMBERED = 1_000_000
"""Numbers of vectors that are kept in memory; what was dropped is made again."""


class Projection(MatrixStep):
    """Nothing is learned: a feature's vector follows from its name and the seed alone.

    So features may come and go in any order, a snapshot holds nothing, and all processes
    project alike. Absent features count as 0.
    """

    def __init__(self, n_components: int = 10, seed: int = 0) -> None:
        self.n_components = whole("n_components", n_components, least=1, most=10_000)
        self.seed = whole("seed", seed, least=0)
        self._components = component_names(self.n_components)
        self._vectors: dict[str, Floats] = {}
        self._known: tuple[str, ...] | None = None
        self._order: list[int] = []
        self._matrix: Floats = np.empty((0, self.n_components))

    @abstractmethod
    def vector(self, numbers: Iterator[float]) -> list[float]:
        """`n_components` numbers, made from uniform ones in [0, 1)."""

    def advance(self, stage: Stage, targets: Floats) -> Stage:
        """See MatrixStep."""
        before = self._project(stage.names, stage.predict_with)
        if stage.learn_from is stage.predict_with:
            return Stage(self._components, before, before)
        return Stage(self._components, before, self._project(stage.names, stage.learn_from))

    def _project(self, names: tuple[str, ...], matrix: Floats) -> Floats:
        if names != self._known:
            # Sums run by name, whatever the order of the fields.
            self._order = sorted(range(len(names)), key=names.__getitem__)
            vectors = [self._vector(names[j]) for j in self._order]
            self._matrix = np.array(vectors, np.float64).reshape(len(names), self.n_components)
            self._known = names
        out = np.empty((len(matrix), self.n_components))
        _project(matrix, np.array(self._order, np.int64), self._matrix, out)
        return out

    def _vector(self, name: str) -> Floats:
        found = self._vectors.get(name)
        if found is None:
            if len(self._vectors) * self.n_components >= _REMEMBERED:
                self._vectors.clear()
            found = np.array(self.vector(uniform(f"{self.seed} {name}")), np.float64)
            self._vectors[name] = found
        return found

    def warm_up(self, n_features: int) -> int:
        """Run all kernels once over nothing."""
        order, matrix = np.arange(n_features), np.empty((n_features, self.n_components))
        _project(np.empty((0, n_features)), order, matrix, np.empty((0, self.n_components)))
        return self.n_components

    def state(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def load(self, state: Mapping[str, Any]) -> None:
        """Nothing to take over."""


def component_names(n: int) -> tuple[str, ...]:
    """The names of `n` made features."""
    return tuple(f"component_{i}" for i in range(n))


def uniform(text: str) -> Iterator[float]:
    """Numbers in [0, 1) from BLAKE2b over a text and a counter; the same everywhere."""
    data, block = text.encode("utf-8", "surrogatepass"), 0
    while True:
        digest = hashlib.blake2b(data, salt=block.to_bytes(16, "little")).digest()
        for at in range(0, 64, 8):
            yield (int.from_bytes(digest[at : at + 8], "little") >> 11) * 2.0**-53
        block += 1


@kernel
def _project(matrix: Floats, order: Any, vectors: Floats, out: Floats) -> None:
    for i in range(matrix.shape[0]):
        out[i, :] = 0.0
        for p in range(order.shape[0]):
            value = matrix[i, order[p]]
            if value == value:
                value = clip(value)
                for c in range(vectors.shape[1]):
                    out[i, c] += value * vectors[p, c]
        for c in range(vectors.shape[1]):
            out[i, c] = clip(out[i, c])
