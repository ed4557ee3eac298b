"""Metrics of predictions against labels, exact and over everything at once."""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def roc_auc(labels: Sequence[bool], scores: ArrayLike) -> float:
    """The share of pairs (positive, negative) that the scores order rightly; a tie is half.

    Nan without at least one positive and one negative.
    """
    return Ranking(labels, scores).roc_auc()


def average_precision(labels: Sequence[bool], scores: ArrayLike) -> float:
    """Precision at each threshold, weighted with the recall that it adds; nan without positives."""
    return Ranking(labels, scores).average_precision()


def log_loss(labels: Sequence[bool], scores: ArrayLike) -> float:
    """The mean of -log(probability of what came true), probabilities kept 1e-15 off 0 and 1."""
    p = np.clip(np.asarray(scores, dtype=np.float64), 1e-15, 1 - 1e-15)
    truth = np.asarray(labels, dtype=bool)
    return float(-np.mean(np.log(np.where(truth, p, 1 - p)))) if truth.size else math.nan


def precision_at_k(labels: Sequence[bool], scores: ArrayLike, k: int) -> float:
    """The share of positives in `k` places, filled by the highest scores; the first wins a tie.

    A place that stays empty counts as a miss. Nan without any pair.
    """
    return Ranking(labels, scores).precision_at(k)


def recall_at_k(labels: Sequence[bool], scores: ArrayLike, k: int) -> float:
    """The share of all positives that have one of the `k` highest scores; nan without positives."""
    return Ranking(labels, scores).recall_at(k)


class Ranking:
    """Pairs of a label and a score, sorted once for all metrics of ranking; see the functions.

    >>> ranking = Ranking([True, False, True], [0.9, 0.5, 0.1])
    >>> ranking.roc_auc(), ranking.precision_at(2)
    (0.5, 0.5)
    """

    def __init__(self, labels: Sequence[bool], scores: ArrayLike) -> None:
        truth, score = np.asarray(labels, dtype=bool), np.asarray(scores, dtype=np.float64)
        order = np.argsort(-score, kind="stable")
        self._truth, ordered = truth[order], score[order]
        is_threshold = np.append(ordered[1:] != ordered[:-1], True)[: len(ordered)]
        self._seen = np.flatnonzero(is_threshold) + 1
        self._hits = np.cumsum(self._truth)[is_threshold]
        self._positives = int(self._truth.sum())

    def roc_auc(self) -> float:
        """As `roc_auc`; the pairs are counted threshold by threshold."""
        negatives = len(self._truth) - self._positives
        if not self._positives or not negatives:
            return math.nan
        false = self._seen - self._hits
        below = negatives - false + np.diff(false, prepend=0) / 2
        above = np.sum(np.diff(self._hits, prepend=0) * below)
        return float(above / (self._positives * negatives))

    def average_precision(self) -> float:
        """As `average_precision`."""
        if not self._positives:
            return math.nan
        hits = self._hits
        return float(np.sum(np.diff(hits, prepend=0) * hits / self._seen) / self._positives)

    def precision_at(self, k: int) -> float:
        """As `precision_at_k`."""
        return self._hits_at(k) / k if len(self._truth) else math.nan

    def recall_at(self, k: int) -> float:
        """As `recall_at_k`."""
        return self._hits_at(k) / self._positives if self._positives else math.nan

    def _hits_at(self, k: int) -> int:
        return int(self._truth[:k].sum())


class Bin(NamedTuple):
    """The predictions of about the same probability.

    Attributes:
        score: Their mean.
        share: Of positives among them: equal to `score` where the model is calibrated.
        size: How many they are.
    """

    score: float
    share: float
    size: int


def calibration(labels: Sequence[bool], scores: ArrayLike, bins: int = 10) -> list[Bin]:
    """A reliability diagram: probabilities in `bins` equal parts of [0, 1], empty parts left out.

    A score outside of [0, 1] counts to the part that is next to it.
    """
    truth, score = np.asarray(labels, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    place = np.clip((score * bins).astype(np.int64), 0, bins - 1)
    count = np.bincount(place, minlength=bins).tolist()
    sums, hits = (np.bincount(place, column, minlength=bins).tolist() for column in (score, truth))
    return [Bin(sums[i] / n, hits[i] / n, n) for i, n in enumerate(count) if n]


def calibration_error(diagram: Sequence[Bin]) -> float:
    """The expected calibration error: the mean distance from score to share, nan without events.

    Guo, Pleiss, Sun, Weinberger (2017), "On Calibration of Modern Neural Networks", section 2.
    """
    total = sum(part.size for part in diagram)
    error = sum(part.size * abs(part.score - part.share) for part in diagram)
    return error / total if total else math.nan


def accuracy(labels: Sequence[Hashable], predictions: Sequence[Hashable]) -> float:
    """The share of predictions that are the label."""
    right = sum(a == b for a, b in zip(labels, predictions, strict=True))
    return right / len(labels) if labels else math.nan


def kappa(labels: Sequence[Hashable], predictions: Sequence[Hashable]) -> float:
    """Accuracy over that of chance: (p - c) / (1 - c); nan where chance is always right.

    `c` is the accuracy of predictions drawn by how often each class was predicted. Cohen (1960),
    "A Coefficient of Agreement for Nominal Scales".
    """
    if not labels:
        return math.nan
    truth, said = Counter(labels), Counter(predictions)
    chance = sum(n * said[label] for label, n in truth.items()) / len(labels) ** 2
    return _over(accuracy(labels, predictions), chance)


def kappa_temporal(
    labels: Sequence[Hashable], predictions: Sequence[Hashable], last: Sequence[Hashable]
) -> float:
    """Accuracy over that of repeating the last label; nan where that is always right.

    `last` is, for each event, the label that was known last. Bifet, Read, Žliobaitė, Pfahringer,
    Holmes (2013), "Pitfalls in Benchmarking Data Stream Classification and How to Avoid Them".
    """
    return _over(accuracy(labels, predictions), accuracy(labels, last))


def _over(right: float, baseline: float) -> float:
    """0: no better than the baseline, 1: always right, below 0: worse than the baseline."""
    return (right - baseline) / (1 - baseline) if baseline < 1 else math.nan


def f1(
    labels: Sequence[Hashable], predictions: Sequence[Hashable], positive: Hashable = True
) -> float:
    """The harmonic mean of precision and recall of one class; 0 if never met, nan without pairs."""
    pairs = list(zip(labels, predictions, strict=True))
    hits = sum(label == positive == guess for label, guess in pairs)
    named = sum((label == positive) + (guess == positive) for label, guess in pairs)
    if not pairs:
        return math.nan
    return 2 * hits / named if named else 0.0


def macro_f1(labels: Sequence[Hashable], predictions: Sequence[Hashable]) -> float:
    """The mean of `f1` over all classes among labels and predictions, but None."""
    classes = {*labels, *predictions} - {None}
    return sum(f1(labels, predictions, c) for c in classes) / len(classes) if classes else math.nan


def mae(labels: ArrayLike, predictions: ArrayLike) -> float:
    """The mean absolute error."""
    error = _error(labels, predictions)
    return float(np.mean(np.abs(error))) if error.size else math.nan


def rmse(labels: ArrayLike, predictions: ArrayLike) -> float:
    """The root of the mean squared error."""
    error = _error(labels, predictions)
    return float(np.sqrt(np.mean(error**2))) if error.size else math.nan


def r2(labels: ArrayLike, predictions: ArrayLike) -> float:
    """1 - squared error / squared deviation of the labels from their mean; nan if all are equal."""
    error = _error(labels, predictions)
    deviation = np.asarray(labels, dtype=np.float64)
    deviation = deviation - deviation.mean() if deviation.size else deviation
    total = float(np.sum(deviation**2))
    return 1 - float(np.sum(error**2)) / total if total else math.nan


def _error(labels: ArrayLike, predictions: ArrayLike) -> Floats:
    error: Floats = np.asarray(predictions, dtype=np.float64) - np.asarray(labels, np.float64)
    return error
