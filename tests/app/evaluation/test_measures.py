"""The metrics of an evaluation are those of its task."""

import math

import pytest

from app.evaluation.measures import Labelled, measure
from app.evaluation.passage import Guess
from learners.base import Task


def pairs(*rows: tuple[object, object, float | None]) -> Labelled:
    """Label, prediction and score of each event."""
    labelled = Labelled()
    for label, prediction, score in rows:
        labelled.add(label, Guess(prediction, score))
    return labelled


def test_a_binary_task_is_ranked_and_decided() -> None:
    found = measure("binary", pairs((True, True, 0.9), (False, True, 0.6), (False, False, 0.1)))
    assert found == {
        "roc_auc": 1.0,
        "average_precision": 1.0,
        "log_loss": pytest.approx(-(math.log(0.9) + math.log(0.4) + math.log(0.9)) / 3),
        "accuracy": pytest.approx(2 / 3),
        "f1": pytest.approx(2 / 3),
        "kappa": pytest.approx(0.4),
        "positives": 1,
    }


def test_a_prediction_without_a_score_counts_for_decisions_only() -> None:
    found = measure("binary", pairs((True, None, None), (True, True, 0.9), (False, False, 0.2)))
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["roc_auc"] == 1.0


def test_several_classes_are_decided() -> None:
    found = measure("multiclass", pairs(("a", "a", 0.5), ("b", "a", 0.5), ("c", "c", None)))
    assert found == {
        "accuracy": pytest.approx(2 / 3),
        "macro_f1": pytest.approx((2 / 3 + 0 + 1) / 3),
        "kappa": pytest.approx((2 / 3 - 3 / 9) / (1 - 3 / 9)),
    }


def test_a_regression_is_measured_by_its_errors() -> None:
    found = measure("regression", pairs((1.0, 2.0, 2.0), (3.0, 3.0, 3.0)))
    assert found == {"mae": 0.5, "rmse": pytest.approx(math.sqrt(0.5)), "r2": 0.5}


@pytest.mark.parametrize("task", ["anomaly", "clustering"])
def test_scores_are_averaged_over_all_and_ranked_where_labels_are(task: Task) -> None:
    labelled = pairs((True, 1, 0.9), (False, 0, 0.3))
    found = measure(task, labelled, [0.9, 0.3, 0.0, None])
    assert found == {"mean_score": pytest.approx(0.4), "roc_auc": 1.0}
    assert measure(task, pairs(), [0.5]) == {"mean_score": 0.5}


def test_without_predictions_nothing_is_defined() -> None:
    found = measure("binary", pairs())
    assert math.isnan(found["roc_auc"])
    assert math.isnan(found["accuracy"])
