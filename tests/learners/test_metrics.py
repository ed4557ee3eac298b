"""The metrics equal slow and obvious references."""

import math
import random
from itertools import product

import pytest
from river import metrics as river_metrics

from learners import metrics


def sample(seed: int, size: int = 300) -> tuple[list[bool], list[float]]:
    """Labels and scores with many ties."""
    rng = random.Random(seed)
    labels = [rng.random() < 0.3 for _ in range(size)]
    return labels, [round(min(1, max(0, rng.gauss(0.4 + 0.2 * y, 0.2))), 1) for y in labels]


@pytest.mark.parametrize("seed", range(5))
def test_roc_auc_is_the_share_of_pairs_in_order(seed: int) -> None:
    labels, scores = sample(seed)
    positives = [s for y, s in zip(labels, scores, strict=True) if y]
    negatives = [s for y, s in zip(labels, scores, strict=True) if not y]
    pairs = [(p > n) + (p == n) / 2 for p, n in product(positives, negatives)]
    assert metrics.roc_auc(labels, scores) == pytest.approx(sum(pairs) / len(pairs), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_is_the_sum_over_thresholds(seed: int) -> None:
    labels, scores = sample(seed)
    expected, recall_before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        taken = [y for y, s in zip(labels, scores, strict=True) if s >= threshold]
        recall = sum(taken) / sum(labels)
        expected += (recall - recall_before) * sum(taken) / len(taken)
        recall_before = recall
    assert metrics.average_precision(labels, scores) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("k", [1, 7, 100, 400])
def test_at_k_the_first_of_equal_scores_has_the_place(k: int) -> None:
    labels, scores = sample(3)
    order = sorted(range(len(labels)), key=lambda i: (-scores[i], i))
    hits = sum(labels[i] for i in order[:k])
    assert metrics.precision_at_k(labels, scores, k) == hits / k
    assert metrics.recall_at_k(labels, scores, k) == hits / sum(labels)


def test_calibration_is_counted_in_ten_parts() -> None:
    labels, scores = sample(5)
    expected = []
    for part in range(10):
        pairs = zip(labels, scores, strict=True)
        here = [(y, s) for y, s in pairs if min(int(s * 10), 9) == part]
        if here:
            n = len(here)
            expected.append((sum(s for _, s in here) / n, sum(y for y, _ in here) / n, n))
    found = metrics.calibration(labels, scores)
    assert [tuple(part) for part in found] == [pytest.approx(row) for row in expected]
    error = sum(n * abs(score - share) for score, share, n in expected) / len(labels)
    assert metrics.calibration_error(found) == pytest.approx(error)


def test_a_score_beyond_one_counts_to_the_last_part() -> None:
    assert metrics.calibration([True, False], [7.0, -3.0]) == [(-3.0, 0.0, 1), (7.0, 1.0, 1)]


def test_the_others_equal_rivers() -> None:
    labels, scores = sample(7)
    guesses = [score > 0.5 for score in scores]
    loss, f1, mae = river_metrics.LogLoss(), river_metrics.F1(), river_metrics.MAE()
    rmse, r2, accuracy = river_metrics.RMSE(), river_metrics.R2(), river_metrics.Accuracy()
    for y, score, guess in zip(labels, scores, guesses, strict=True):
        loss.update(y, score)
        f1.update(y, guess)
        accuracy.update(y, guess)
        for metric in (mae, rmse, r2):
            metric.update(float(y), score)
    assert metrics.log_loss(labels, scores) == pytest.approx(loss.get())
    assert metrics.f1(labels, guesses) == pytest.approx(f1.get())
    assert metrics.accuracy(labels, guesses) == pytest.approx(accuracy.get())
    assert metrics.mae(labels, scores) == pytest.approx(mae.get())
    assert metrics.rmse(labels, scores) == pytest.approx(rmse.get())
    assert metrics.r2(labels, scores) == pytest.approx(r2.get())


def test_macro_f1_equals_rivers_over_three_classes() -> None:
    rng = random.Random(1)
    labels = [rng.choice("abc") for _ in range(200)]
    guesses = [y if rng.random() < 0.6 else rng.choice("abc") for y in labels]
    expected = river_metrics.MacroF1()
    for y, guess in zip(labels, guesses, strict=True):
        expected.update(y, guess)
    assert metrics.macro_f1(labels, guesses) == pytest.approx(expected.get())


def test_before_any_learning_none_is_wrong_and_no_class() -> None:
    assert metrics.accuracy(["a", "b"], [None, "b"]) == 0.5
    assert metrics.macro_f1(["a", "b"], [None, "b"]) == 0.5


def test_what_is_not_defined_is_nan() -> None:
    assert math.isnan(metrics.roc_auc([True, True], [0.1, 0.2]))
    assert math.isnan(metrics.average_precision([False], [0.1]))
    assert math.isnan(metrics.r2([1.0, 1.0], [1.0, 2.0]))
    assert math.isnan(metrics.precision_at_k([], [], 3))
    assert math.isnan(metrics.recall_at_k([False], [0.1], 3))
    assert math.isnan(metrics.calibration_error([]))
    nothing = (
        metrics.log_loss,
        metrics.accuracy,
        metrics.f1,
        metrics.macro_f1,
        metrics.mae,
        metrics.rmse,
    )
    assert all(math.isnan(metric([], [])) for metric in (*nothing, metrics.r2))


def test_kappa_is_that_of_river_and_0_for_a_constant_prediction() -> None:
    draw = random.Random(5)
    labels = [draw.choice("abc") for _ in range(500)]
    said = [label if draw.random() < 0.6 else draw.choice("abc") for label in labels]
    river = river_metrics.CohenKappa()
    for label, guess in zip(labels, said, strict=True):
        river.update(label, guess)
    assert metrics.kappa(labels, said) == pytest.approx(river.get())
    assert metrics.kappa(labels, ["a"] * 500) == pytest.approx(0.0)
    assert math.isnan(metrics.kappa(["a"], ["a"]))


def test_kappa_temporal_is_0_for_repeating_the_last_label_and_negative_below() -> None:
    labels = [1, 1, 1, 2, 2, 2, 1]
    last = [None, *labels[:-1]]
    assert metrics.kappa_temporal(labels, last, last) == 0.0
    assert metrics.kappa_temporal(labels, labels, last) == 1.0
    assert metrics.kappa_temporal(labels, [1] * 7, last) == pytest.approx((4 / 7 - 4 / 7) / (3 / 7))
    assert metrics.kappa_temporal(labels, [2] * 7, last) < 0
