"""The protocol, the features and the hand rule give the published table's numbers.

All that needs the features of the whole handbook is here: a file runs in one process.
"""

import numpy as np
import pytest

from app.fraud.protocol import split
from app.fraud.rule import hand_rule
from app.fraud.transactions import Bools, Floats, Transactions
from app.fraud.yardstick import ceiling, evaluate


def batch_logistic_regression(x: Floats, y: Bools, l2: float = 1.0) -> Floats:
    """Weights and, last, an intercept, by Newton's method; only the weights are pulled to 0."""
    x = np.column_stack([x, np.ones(len(x))])
    pull = np.diag([l2] * (x.shape[1] - 1) + [0.0])
    weights = np.zeros(x.shape[1])
    for _ in range(20):
        p = 1 / (1 + np.exp(-(x @ weights)))
        slope = x.T @ (p - y) + pull @ weights
        weights = weights - np.linalg.solve((x.T * (p * (1 - p))) @ x + pull, slope)
    return weights


def test_the_weeks_have_the_published_sizes(handbook: Transactions) -> None:
    weeks = split(handbook)
    assert (len(weeks.train), int(weeks.train.fraud.sum())) == (67_240, 598)
    assert (len(weeks.test), int(weeks.test.fraud.sum())) == (58_264, 385)


def test_the_ceiling_is_the_published_one(handbook: Transactions) -> None:
    assert ceiling(split(handbook).test) == pytest.approx(0.397, abs=0.0005)


@pytest.mark.long
def test_batch_logistic_regression_reaches_the_published_numbers(
    handbook: Transactions, handbook_features: Floats
) -> None:
    weeks = split(handbook)
    train, test = (handbook_features[part.id] for part in (weeks.train, weeks.test))
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    weights = batch_logistic_regression((train - mean) / deviation, weeks.train.fraud)
    verdict = evaluate(weeks.test, (test - mean) / deviation @ weights[:-1])
    assert verdict.auc == pytest.approx(0.871, abs=0.0006)
    assert verdict.average_precision == pytest.approx(0.606, abs=0.0006)
    assert verdict.card_precision == pytest.approx(0.291, abs=0.0006)


def test_a_card_is_left_out_from_the_day_on_that_its_label_comes(handbook: Transactions) -> None:
    weeks = split(handbook)
    known = set(weeks.train.card[weeks.train.fraud].tolist())
    for day in range(129, 136):
        tested = set(weeks.test.days(day, 1).card.tolist())
        assert not tested & known
        labelled = handbook.days(day - 7, 1)
        known |= set(labelled.card[labelled.fraud].tolist())


def test_the_rule_gets_about_the_figures_of_the_reference(
    handbook: Transactions, handbook_features: Floats
) -> None:
    test = split(handbook).test
    verdict = evaluate(test, hand_rule(handbook_features[test.id]))
    assert verdict.auc == pytest.approx(0.855, abs=0.02)
    assert verdict.average_precision == pytest.approx(0.565, abs=0.02)
    assert verdict.card_precision == pytest.approx(0.297, abs=0.02)
