"""Single earlier values, trends, and labels that come in their events."""

from __future__ import annotations

import pytest

from agents.entities.declare import EntityTable
from agents.entities.entities import Entities
from agents.state import State
from tests.agents.entities.reference import DAY, MINUTE, event, expected, run, stream
from tests.agents.entities.test_entities import D, H, assert_equal
from tests.agents.one_by_one import Event, Op, batch

KNOWN_AT_ONCE = (
    EntityTable(
        0, "card", "labels", ("last(paid)", "lag(paid, 2)", "mean(paid)", "count", "trend(amount)"),
        (D, 3 * D), label="paid", with_events=True, label_values={"yes": True, "no": False},
    ),
    EntityTable(
        1, None, "labels", ("last(paid)", "lag(paid, 7)"), label="paid", with_events=True,
        label_values={"yes": True, "no": False},
    ),
)  # fmt: skip


def paying(n: int) -> list[Op]:
    """Events of which most bring their label."""
    ops = [op for op in stream(n, labels=False, late=DAY) if isinstance(op, Event)]
    for i, op in enumerate(ops):
        op.fields["paid"] = [True, None, False, True][i * i % 7 % 4]
    return list[Op](ops)


@pytest.mark.parametrize("cut", [1, 7, 10**9])
def test_a_label_that_comes_in_its_event_counts_from_the_next_one_on(cut: int) -> None:
    ops = paying(300)
    assert_equal(run(KNOWN_AT_ONCE, ops, cut, restores=cut == 7)[0], expected(KNOWN_AT_ONCE, ops))
    said: list[Op] = [
        event(op.time, **op.fields | {"paid": {True: "yes", False: "no"}.get(op.fields["paid"])})
        for op in ops
    ]
    assert run(KNOWN_AT_ONCE, said, cut)[0] == run(KNOWN_AT_ONCE, ops, cut)[0]


def test_a_label_that_comes_in_its_event_tells_nothing_of_itself() -> None:
    ops = paying(50)
    last = event(ops[-1].time, **ops[-1].fields | {"paid": True})
    other = event(ops[-1].time, **ops[-1].fields | {"paid": False})
    first, second = ([*ops[:-1], one] for one in (last, other))
    assert run(KNOWN_AT_ONCE, first)[0] == run(KNOWN_AT_ONCE, second)[0]


def test_a_label_in_an_event_that_is_no_number_where_one_is_needed_is_a_failure() -> None:
    entities = Entities(KNOWN_AT_ONCE, State())
    ops = [event(0, card=1, amount=1.0, paid=y) for y in ("yes", None, "maybe", 10**400)]
    errors = {i: str(error) for i, error in entities.errors(batch(ops)).items()}
    assert list(errors) == [2, 3]
    assert errors[2] == (
        "paid: expected a finite number, got 'maybe' (label_values can say which number it stands"
        " for)"
    )


def test_earlier_values_remain_while_the_entity_has_an_event_in_its_longest_window() -> None:
    table = EntityTable(0, "card", features=("last(amount)", "lag(amount, 3)"), windows=(3 * D,))
    days = [0, 3, 6, 9, 20]
    ops = [event(day * DAY, card=1, amount=float(day + 1)) for day in days]
    got = run([table], ops)[0]
    assert [row["card_last_amount"] for row in got] == [0.0, 1.0, 4.0, 7.0, 0.0]
    assert [row["card_lag_amount_3"] for row in got] == [0.0, 0.0, 0.0, 1.0, 0.0]


def test_a_late_event_gets_the_values_before_its_own_time() -> None:
    table = EntityTable(0, "card", features=("last(amount)", "lag(amount, 2)"), windows=(9 * D,))
    days = [1, 3, 5, 4, 2, 6]
    ops = [event(day * DAY, card=1, amount=float(day)) for day in days]
    got = run([table], ops)[0]
    assert [row["card_last_amount"] for row in got] == [0.0, 1.0, 3.0, 3.0, 0.0, 5.0]
    assert [row["card_lag_amount_2"] for row in got] == [0.0, 0.0, 1.0, 0.0, 0.0, 4.0]


def test_the_trend_of_a_line_is_its_rise_over_the_window_and_none_at_one_time() -> None:
    table = EntityTable(0, None, features=("trend(x)",), windows=(6 * H,))
    ops = [event(i * 10 * MINUTE, x=1e9 + i) for i in range(60)]
    ops += [event(60 * 10 * MINUTE + 3 * DAY, x=x) for x in (5.0, 7.0, 1e300)]
    got = [row["stream_trend_x_6h"] for row in run([table], ops)[0]]
    assert got[0] == 0.0
    assert got[1:60] == pytest.approx([36.0] * 59, rel=1e-6)
    assert got[60:] == [0.0, 0.0, 0.0]
