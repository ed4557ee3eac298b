"""One-class SVM: River's, with flat parameters."""

from __future__ import annotations

from typing import Any

from learners.parameters import number


def one_class_svm(nu: float = 0.1, learning_rate: float = 0.01, intercept_lr: float = 0.01) -> Any:
    """River's OneClassSVM, by stochastic gradient descent.

    It learns the one linear function that is large on what it has seen. The score is River's.

    Parameters
    ----------
    nu
        The fraction of events that may be anomalies, above 0 and at most 1.
    learning_rate, intercept_lr
        Step sizes of the weights, above 0, and of the intercept, not below 0.

    Examples
    --------
    >>> from itertools import islice
    >>> from river import datasets, metrics
    >>> from learners import create
    >>> model = create("one_class_svm", {"nu": 0.2}, scale=True)
    >>> auc = metrics.RollingROCAUC(window_size=8000)
    >>> for x, y in islice(datasets.Shuttle(), 8000):
    ...     auc.update(bool(y), model.score(x))
    ...     model.learn_one(x)
    >>> auc
    RollingROCAUC: 72.24%

    References
    ----------
    Schölkopf, Platt, Shawe-Taylor, Smola, Williamson: Estimating the Support of a
    High-Dimensional Distribution. Neural Computation 13 (2001).
    """
    from river import anomaly, optim  # River takes a second to import

    return anomaly.OneClassSVM(
        nu=number("nu", nu, above=0.0, most=1.0),
        optimizer=optim.SGD(number("learning_rate", learning_rate, above=0.0)),
        intercept_lr=number("intercept_lr", intercept_lr, least=0.0),
    )
