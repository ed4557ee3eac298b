"""What stands before a learner as numbers: the statistics of scalers, the histograms of bins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from learners.mixing.exact import Buckets, Moments
from learners.scaler import Scaler
from learners.steps.quantile_bins import BUCKETS, FIRST_EDGES, QuantileBins, find_edges


def moments_of(scaler: Scaler) -> dict[str, Moments]:
    """The statistics of each feature."""
    counts, means, variances = (
        each.tolist() for each in (scaler.counts, scaler.means, scaler.variances)
    )
    return {
        name: Moments(counts[c], means[c], variances[c] * counts[c])
        for c, name in enumerate(scaler.columns.names)
    }


def load_scaler(
    scaler: Scaler, moments: Mapping[str, Moments], names: Sequence[str] | None
) -> None:
    """Let a scaler know these statistics, and nothing else.

    Parameters
    ----------
    scaler
        It is changed in place.
    moments
        By feature.
    names
        The columns that it shares with its learner; None where it has its own.
    """
    features = list(moments) if names is None else list(names)
    known = [moments.get(name, Moments()) for name in features]
    scaler.load({
        "features": features,
        "counts": [each.number for each in known],
        "means": [each.mean for each in known],
        "variances": [each.squares / each.number if each.number else 0.0 for each in known],
    })  # fmt: skip


def bins_of(bins: QuantileBins) -> dict[str, dict[int, int]]:
    """The histograms; features without bins have empty ones, so that their order is kept."""
    rows = iter(bins.counts)
    return {name: _buckets(next(rows)) if bins.has(name) else {} for name in bins.columns.names}


def load_bins(bins: QuantileBins, buckets: Buckets) -> None:
    """Let a step know these histograms, and nothing else; the edges are looked up anew."""
    own = [counts for name, counts in buckets.items() if bins.has(name)]
    counts = np.zeros((len(own), 2 * BUCKETS + 1))
    edges = np.full((len(own), len(bins.quantiles)), math.inf)
    for row, known in enumerate(own):
        for bucket, number in known.items():
            counts[row, bucket + BUCKETS] = number
    totals = counts.sum(axis=1)
    for row in np.flatnonzero(totals >= FIRST_EDGES).tolist():
        find_edges(bins.quantiles, counts[row], totals[row], edges[row])
    bins.load({"features": list(buckets), "counts": counts, "totals": totals, "edges": edges})


def _buckets(counts: np.ndarray[tuple[int], np.dtype[np.float64]]) -> dict[int, int]:
    at = np.flatnonzero(counts)
    return dict(zip((at - BUCKETS).tolist(), map(int, counts[at].tolist()), strict=True))
