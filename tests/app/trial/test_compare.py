"""Two pipelines over the same events: the difference and its interval."""

from __future__ import annotations

import random
from statistics import mean, stdev

import pytest

from app.evaluation.evaluate import Evaluated, Evaluation
from app.evaluation.verdicts import Verdict
from app.trial.compare import BLOCKS, STUDENT, compared

DRAW = random.Random(3)
LABELS = [DRAW.random() < 0.5 for _ in range(2000)]


def evaluated(name: str, right: float, seed: int) -> Evaluated:
    """A pipeline whose predictions are right with this probability."""
    draw = random.Random(seed)
    said = [label == (draw.random() < right) for label in LABELS]
    verdicts = [
        Verdict(n, (0, n), guess, float(guess), None, label)
        for n, (guess, label) in enumerate(zip(said, LABELS, strict=True))
    ]
    evaluation = Evaluation(name, "binary", 2000, 2000, 0, 0, 0, 0, 0, 2000, {})
    return Evaluated(evaluation, verdicts)


def line(text: str, metric: str) -> list[float]:
    found = next(each for each in text.splitlines() if each.startswith(metric))
    return [float(cell) for cell in found.split()[1:]]


def test_the_interval_of_the_accuracy_is_that_of_the_mean_over_blocks() -> None:
    one, other = evaluated("a", 0.7, 1), evaluated("b", 0.8, 2)
    right = [[v.prediction == v.label for v in evaluated.verdicts] for evaluated in (one, other)]
    size = len(LABELS) // BLOCKS
    gains = [
        mean(right[1][i : i + size]) - mean(right[0][i : i + size])
        for i in range(0, len(LABELS), size)
    ]
    error = stdev(gains) / BLOCKS**0.5
    expected = [mean(right[0]), mean(right[1]), mean(gains)]
    expected += [mean(gains) - STUDENT * error, mean(gains) + STUDENT * error]
    assert line(compared(one, other), "accuracy ") == pytest.approx(expected, abs=6e-5)


def test_a_pipeline_differs_from_itself_in_nothing() -> None:
    text = compared(evaluated("a", 0.7, 1), evaluated("a", 0.7, 1))
    assert line(text, "accuracy ")[2:] == [0.0, 0.0, 0.0]


def test_only_events_that_both_have_predicted_count() -> None:
    one, other = evaluated("a", 0.7, 1), evaluated("b", 0.8, 2)
    del one.verdicts[:500], other.verdicts[1500:]
    assert compared(one, other).startswith("1,000 labelled events that both have predicted")


def test_few_events_have_no_interval() -> None:
    one, other = evaluated("a", 0.7, 1), evaluated("b", 0.8, 2)
    del one.verdicts[50:]
    assert "nan" in compared(one, other)
