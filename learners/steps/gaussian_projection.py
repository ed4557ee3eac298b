"""Gaussian random projection."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist

from learners.steps.projection import Projection

_NORMAL = NormalDist()


class GaussianProjection(Projection):
    """All features onto `n_components` random directions, normal with variance 1 / n_components.

    Distances between events stay about as they were (Johnson and Lindenstrauss), whatever the
    number of features.

    Parameters
    ----------
    n_components
        Features that come out, `component_0` and on, 1 to 10,000.
    seed
        Of the directions, at least 0.

    Examples
    --------
    >>> from river import datasets
    >>> step = GaussianProjection(n_components=3)
    >>> x, y = next(iter(datasets.TrumpApproval()))
    >>> {name: round(value) for name, value in step.transform_one(x).items()}
    {'component_0': 227636, 'component_1': 362188, 'component_2': -198465}

    References
    ----------
    Dasgupta, Gupta: An Elementary Proof of a Theorem of Johnson and Lindenstrauss. Random
    Structures and Algorithms 22 (2003). River: preprocessing.GaussianRandomProjector.
    """

    def vector(self, numbers: Iterator[float]) -> list[float]:
        """See Projection."""
        scale = 1.0 / math.sqrt(self.n_components)
        # From the middle of each step of 2**-53: neither 0 nor 1.
        return [
            scale * _NORMAL.inv_cdf(min(next(numbers) + 2.0**-54, 1.0 - 2.0**-53))
            for _ in range(self.n_components)
        ]
