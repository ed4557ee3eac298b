"""Half-space trees: River's, with the scaling that they need."""

from __future__ import annotations

from typing import Any


def half_space_trees(
    n_trees: int = 10, height: int = 8, window_size: int = 250, seed: int = 0
) -> Any:
    """River's HalfSpaceTrees behind a MinMaxScaler, since they take features within [0, 1].

    Random trees cut the space in halves and count the events of a window in each part. Where
    few fell in the last window, an event is an anomaly. The trees are drawn at the first
    event that is learned, over its features; the score is 0 until a window is full.

    Parameters
    ----------
    n_trees
        Trees, at least 1.
    height
        Of each tree; it has 2^(height + 1) - 1 nodes.
    window_size
        Events after which the counts take effect.
    seed
        Of the trees.

    Examples
    --------
    The shuttle's rare states (605 of 8,000 events) against its usual one:

    >>> from itertools import islice
    >>> from river import datasets, metrics
    >>> from learners import create
    >>> model = create("half_space_trees", {"height": 6})
    >>> auc = metrics.RollingROCAUC(window_size=8000)
    >>> for x, y in islice(datasets.Shuttle(), 8000):
    ...     auc.update(bool(y), model.score(x))
    ...     model.learn_one(x)
    >>> auc
    RollingROCAUC: 95.66%

    References
    ----------
    Tan, Ting, Liu: Fast Anomaly Detection for Streaming Data. IJCAI 2011.
    """
    from river import anomaly, preprocessing  # River takes a second to import

    trees = anomaly.HalfSpaceTrees(
        n_trees=n_trees, height=height, window_size=window_size, seed=seed
    )
    return preprocessing.MinMaxScaler() | trees
