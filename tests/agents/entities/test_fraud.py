"""The stream's features of cards and terminals are those of the fraud benchmark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from agents.entities.declare import EntityTable
from agents.entities.entities import Entities
from agents.state import State
from app.fraud.features import DELAY, NAMES, features
from app.fraud.handbook import Size, simulate
from app.fraud.transactions import EPOCH, Transactions
from tests.agents.entities.reference import event, label
from tests.agents.one_by_one import Event, Op, apply

WINDOWS = tuple(86_400.0 * days for days in (1, 7, 30))
CARDS = EntityTable(0, "card", features=("count", "mean(amount)"), windows=WINDOWS)
TERMINALS = EntityTable(
    1, "terminal", "labels", ("count", "mean(fraud)"), WINDOWS, DELAY, None, "fraud"
)


def ops_of(data: Transactions) -> list[Op]:
    """Events, and labels that are heard at the very second at which they count."""
    return [op for _, _, op in sorted(_timed(data), key=lambda timed: timed[:2])]


def _timed(data: Transactions) -> Iterator[tuple[int, int, Op]]:
    for _, second, card, terminal, amount, fraud, _ in data.rows():
        time = (EPOCH + second) * 1000
        fields: dict[str, Any] = {"card": card, "terminal": terminal, "amount": amount}
        yield time, 1, event(time, **fields)
        heard = time + DELAY * 1000
        yield heard, 0, label(heard, time, bool(fraud), **fields)


@pytest.mark.parametrize("batch", [1000, 5000])
def test_they_equal_the_daily_features_of_the_whole_history(batch: int) -> None:
    data = simulate(Size(cards=120, terminals=200, days=70))
    ops, state = ops_of(data), State()
    entities = Entities([CARDS, TERMINALS], state)
    for first in range(0, len(ops), batch):
        apply(entities, ops[first : first + batch])
        entities.save()
    rows = [[op.fields[name] for name in entities.names] for op in ops if isinstance(op, Event)]
    wanted = features(data, "daily")[:, 3:]
    assert len(rows) > 9_000
    assert [
        name.replace("_amount", "").replace("mean_fraud", "risk") for name in entities.names
    ] == list(NAMES[3:])
    assert wanted[:, -1].max() > 0.1
    np.testing.assert_allclose(np.array(rows), wanted, rtol=1e-9, atol=1e-9)


def test_a_card_and_a_terminal_have_a_small_fixed_size() -> None:
    state = State()
    entities = Entities([CARDS, TERMINALS], state)
    fields: dict[str, Any] = {"card": 1, "terminal": 1, "amount": 1.0}
    apply(entities, [event(0, **fields), label(0, 0, False, **fields)])
    entities.save()
    sizes = {key: len(value or b"") for key, value in state.changes().items()}
    assert (sizes["entity/0/1"], sizes["entity/1/1"]) == (401, 489)
