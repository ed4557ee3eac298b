"""The metrics of a task over pairs of label and prediction."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from app.evaluation.passage import Guess
from learners import metrics
from learners.base import Task


@dataclass
class Labelled:
    """Labels with their predictions, and those of them that have a score."""

    labels: list[Any] = field(default_factory=list)
    predictions: list[Any] = field(default_factory=list)
    scored_labels: list[Any] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)

    def add(self, label: Any, guess: Guess) -> None:
        """Take one pair in."""
        self.labels.append(label)
        self.predictions.append(guess.prediction)
        if guess.score is not None:
            self.scored_labels.append(label)
            self.scores.append(guess.score)


def measure(
    task: Task, pairs: Labelled, all_scores: Iterable[float | None] = ()
) -> dict[str, float]:
    """The metrics of a task; `all_scores` are those of predictions with and without a label."""
    truth, scores = pairs.scored_labels, pairs.scores
    if task == "binary":
        return {
            "roc_auc": metrics.roc_auc(truth, scores),
            "average_precision": metrics.average_precision(truth, scores),
            "log_loss": metrics.log_loss(truth, scores),
            "accuracy": metrics.accuracy(pairs.labels, pairs.predictions),
            "f1": metrics.f1(pairs.labels, pairs.predictions),
            "kappa": metrics.kappa(pairs.labels, pairs.predictions),
            "positives": sum(pairs.labels),
        }
    if task == "multiclass":
        return {
            "accuracy": metrics.accuracy(pairs.labels, pairs.predictions),
            "macro_f1": metrics.macro_f1(pairs.labels, pairs.predictions),
            "kappa": metrics.kappa(pairs.labels, pairs.predictions),
        }
    if task == "regression":
        return {
            "mae": metrics.mae(truth, scores),
            "rmse": metrics.rmse(truth, scores),
            "r2": metrics.r2(truth, scores),
        }
    known = [score for score in all_scores if score is not None]
    mean = {"mean_score": math.fsum(known) / len(known) if known else math.nan}
    return mean | ({"roc_auc": metrics.roc_auc(truth, scores)} if truth else {})


def calibration(task: Task, pairs: Labelled) -> dict[str, float]:
    """The expected calibration error, where the scores are probabilities."""
    scores = pairs.scores
    if task != "binary" or not scores or min(scores) < 0 or max(scores) > 1:
        return {}
    diagram = metrics.calibration(pairs.scored_labels, scores)
    return {"calibration_error": metrics.calibration_error(diagram)}
