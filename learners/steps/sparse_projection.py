"""Sparse random projection."""

from __future__ import annotations

import math
from collections.abc import Iterator

from learners.parameters import number
from learners.steps.projection import Projection


class SparseProjection(Projection):
    """All features onto `n_components` directions that are mostly 0, else + or - one number.

    Parameters
    ----------
    n_components
        Features that come out, `component_0` and on, 1 to 10,000.
    density
        The share of numbers that are not 0, above 0, at most 1: 1/3 is Achlioptas',
        1 / sqrt(features) Li's.
    seed
        Of the directions, at least 0.

    Examples
    --------
    >>> from river import datasets
    >>> step = SparseProjection(n_components=3, density=0.5)
    >>> x, y = next(iter(datasets.TrumpApproval()))
    >>> {name: round(value) for name, value in step.transform_one(x).items()}
    {'component_0': -145, 'component_1': 601261, 'component_2': 36}

    References
    ----------
    Achlioptas: Database-friendly Random Projections. Journal of Computer and System Sciences
    66 (2003). Li, Hastie, Church: Very Sparse Random Projections. KDD 2006. River:
    preprocessing.SparseRandomProjector.
    """

    def __init__(self, n_components: int = 10, density: float = 0.1, seed: int = 0) -> None:
        super().__init__(n_components, seed)
        self.density = number("density", density, above=0.0, most=1.0)

    def vector(self, numbers: Iterator[float]) -> list[float]:
        """See Projection."""
        size = 1.0 / math.sqrt(self.density * self.n_components)
        drawn = [(next(numbers), next(numbers)) for _ in range(self.n_components)]
        return [
            0.0 if there >= self.density else size if sign < 0.5 else -size for there, sign in drawn
        ]
