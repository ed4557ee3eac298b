from __future__ import annotations

import math

import numpy as np
import pytest

from agents.entities.columns import marks
from agents.entities.declare import EntityTable
from agents.entities.layout import BITS
from tests.agents.entities.reference import DAY, MINUTE, event, run

TABLE = EntityTable(0, "card", features=("distinct(terminal)",), windows=(86_400.0, 7 * 86_400.0))


def error(n: int) -> float:
    """The standard error that Whang et al. give, as a share of n."""
    t = n / BITS
    return math.sqrt(BITS * (math.exp(t) - t - 1)) / n


@pytest.mark.parametrize("n", [10, 100, 256, 500, 1000])
@pytest.mark.parametrize("kind", [int, str])
def test_the_estimate_keeps_the_error_that_is_promised(n: int, kind: type) -> None:
    offs = []
    for trial in range(30):
        values = [kind(trial * 10_000 + i) for i in range(n)]
        ops = [event(i, card=1, terminal=value) for i, value in enumerate(values)]
        offs.append(run([TABLE], ops)[0][-1]["card_distinct_terminal_1d"] / n - 1)
    assert np.sqrt(np.mean(np.square(offs))) < 1.4 * error(n)
    assert abs(np.mean(offs)) < 0.5 * error(n) + 0.02


def test_the_figures_of_the_documentation() -> None:
    assert [round(100 * error(n)) for n in (20, 256, 500, 1000)] == [4, 5, 6, 11]
    ops = [event(i, card=1, terminal=i) for i in range(20_000)]
    assert run([TABLE], ops)[0][-1]["card_distinct_terminal_1d"] == pytest.approx(1420, abs=1)


def test_what_is_seen_again_counts_once_and_again_after_it_was_forgotten() -> None:
    ops = [event(i * MINUTE, card=1, terminal="a") for i in range(50)]
    ops += [event(DAY, card=1, terminal="b"), event(3 * DAY, card=1, terminal="a")]
    got = [row["card_distinct_terminal_1d"] for row in run([TABLE], ops)[0]]
    assert [round(value) for value in got] == [1] * 50 + [2, 1]


def test_the_bits_of_a_value_never_change() -> None:
    assert [hex(bits) for bits in marks(["a", 7, 0.5]).tolist()] == [
        "0xb4f7b7703b6bdbd7",
        "0x8d8e509bd10d4e72",
        "0xc784b82ab66c4646",
    ]
