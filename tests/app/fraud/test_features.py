"""The features equal a slow and obvious loop."""

from datetime import UTC, datetime

import numpy as np
import pytest

from app.fraud.features import DAYS, DELAY, NAMES, Windows, features
from app.fraud.transactions import DAY, EPOCH, Transactions


def slow_features(data: Transactions, windows: Windows) -> list[list[float]]:
    """Look through all that came before, for every transaction."""
    rows = list(data.rows())
    return [_slow(rows[: number + 1], windows) for number in range(len(rows))]


def _slow(rows: list[tuple[int, int, int, int, float, bool, int]], windows: Windows) -> list[float]:
    _, now, card, terminal, amount, _, _ = rows[-1]
    when = datetime.fromtimestamp(EPOCH + now, UTC)
    found = [amount, float(when.weekday() >= 5), float(when.hour <= 6)]
    for days in DAYS:
        after = _start(now, days, windows)
        spent = [row[4] for row in rows if row[2] == card and row[1] > after]
        found += [len(spent), sum(spent) / len(spent)]
    for days in DAYS:
        until = now - DELAY
        after = _start(until, days, windows)
        frauds = [row[5] for row in rows if row[3] == terminal and after < row[1] <= until]
        found += [len(frauds), sum(frauds) / max(len(frauds), 1)]
    return found


def _start(end: int, days: int, windows: Windows) -> int:
    return end - days * DAY if windows == "exact" else (end // DAY - days) * DAY - 1


@pytest.mark.parametrize("windows", ["exact", "daily"])
def test_all_features_equal_the_loop(small: Transactions, windows: Windows) -> None:
    chosen = small.where(np.isin(small.card, np.unique(small.card)[:12]))
    expected = np.array(slow_features(chosen, windows))
    found = features(chosen, windows)
    assert found.shape == (len(chosen), len(NAMES))
    assert (expected[:, NAMES.index("terminal_risk_30d")] > 0).any()
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_of_two_payments_in_one_second_the_first_does_not_see_the_second() -> None:
    columns = ([0, 1], [50, 50], [3, 3], [4, 5], [10.0, 20.0], [False, False], [0, 0])
    data = Transactions(*map(np.array, columns))
    mean = features(data)[:, NAMES.index("card_mean_1d")]
    assert mean.tolist() == [10.0, 15.0]


def test_a_window_leaves_out_what_is_as_old_as_itself() -> None:
    columns = ([0, 1], [50, 50 + DAY], [3, 3], [4, 5], [10.0, 20.0], [False, False], [0, 0])
    data = Transactions(*map(np.array, columns))
    assert features(data)[:, NAMES.index("card_count_1d")].tolist() == [1, 1]
    assert features(data, "daily")[:, NAMES.index("card_count_1d")].tolist() == [1, 2]


def test_a_label_counts_from_the_second_on_in_which_it_comes() -> None:
    columns = ([0, 1], [50, 50 + DELAY], [3, 7], [4, 4], [10.0, 20.0], [True, False], [1, 0])
    data = Transactions(*map(np.array, columns))
    assert features(data)[:, NAMES.index("terminal_risk_1d")].tolist() == [0, 1]
    assert features(data, delay=DELAY + 1)[:, NAMES.index("terminal_risk_1d")].tolist() == [0, 0]
