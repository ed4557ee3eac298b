"""The verdict equals what one would count by hand."""

import random

import numpy as np
import pytest

from app.fraud.transactions import DAY, Transactions
from app.fraud.yardstick import ceiling, evaluate, work


def payments(*rows: tuple[int, int, float, bool]) -> Transactions:
    """Transactions of (day, card, amount, fraud)."""
    days, cards, amounts, frauds = zip(*rows, strict=True)
    ids = np.arange(len(rows))
    time = np.array(days) * DAY + ids
    fraud = np.array(frauds)
    return Transactions(
        ids, time, np.array(cards), ids, np.array(amounts), fraud, fraud.astype(np.int64)
    )


def slow_card_precision(data: Transactions, score: list[float], k: int) -> float:
    """CP@k with sets and sorting, a day at a time."""
    caught: set[int] = set()
    shares = []
    rows = list(zip(data.rows(), score, strict=True))
    for day in sorted({row[1] // DAY for row, _ in rows}):
        best: dict[int, float] = {}
        bad = set()
        for (_, time, card, _, _, fraud, _), points in rows:
            if time // DAY == day and card not in caught:
                best[card] = max(points, best.get(card, points))
                bad |= {card} if fraud else set()
        top = sorted(best, key=lambda card: (-best[card], card))[:k]
        caught |= set(top) & bad
        shares.append(len(set(top) & bad) / k)
    return sum(shares) / len(shares)


@pytest.mark.parametrize("seed", range(5))
def test_card_precision_equals_a_slow_count(seed: int) -> None:
    rng = random.Random(seed)
    rows = [(day, rng.randrange(15), 1.0, rng.random() < 0.2) for day in range(6) for _ in "x" * 20]
    data = payments(*rows)
    score = [round(rng.random(), 1) for _ in rows]
    expected = slow_card_precision(data, score, k=4)
    assert evaluate(data, np.array(score), k=4).card_precision == pytest.approx(expected)


def test_a_card_that_was_caught_takes_no_place_on_a_later_day() -> None:
    data = payments((0, 1, 5.0, True), (1, 1, 5.0, True), (1, 2, 5.0, True))
    days = work(data, np.array([0.9, 0.9, 0.5]), k=1)
    assert [sorted(day.found) for day in days] == [[1], [2]]


def test_a_card_that_was_looked_at_in_vain_comes_again() -> None:
    data = payments((0, 1, 5.0, False), (1, 1, 5.0, True))
    assert [len(day.found) for day in work(data, np.array([0.9, 0.9]), k=1)] == [0, 1]


def test_money_saved_is_what_the_caught_cards_would_have_lost_less_the_fees() -> None:
    data = payments((0, 1, 10.0, True), (0, 2, 20.0, True), (1, 1, 40.0, True), (1, 3, 1.0, False))
    verdict = evaluate(data, np.array([0.9, 0.1, 0.9, 0.5]), k=1, fee=3.0)
    assert (verdict.saved, verdict.lost) == (10 + 40 - 2 * 3, 20)


def test_who_knows_the_truth_catches_all_that_the_budget_allows() -> None:
    data = payments(*((0, card, 1.0, True) for card in range(3)), (1, 9, 1.0, True))
    assert ceiling(data, k=2) == (2 / 2 + 1 / 2) / 2


def test_the_ranking_metrics_are_those_of_the_transactions() -> None:
    data = payments((0, 1, 1.0, True), (0, 2, 1.0, False), (0, 3, 1.0, True))
    verdict = evaluate(data, np.array([0.9, 0.5, 0.1]))
    assert verdict.auc == 0.5
    assert verdict.average_precision == pytest.approx((1 + 2 / 3) / 2)
