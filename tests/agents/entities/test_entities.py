"""Entities against the slow reference, over any batches, restores, corrections and delays."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import Message

from agents.dead_letter_format import DeadLetterFormat
from agents.entities.declare import EntityTable
from agents.entities.entities import Entities
from agents.errors import InvalidEvent
from agents.state import State
from tests.agents.entities.reference import DAY, MINUTE, event, expected, label, run, stream
from tests.agents.one_by_one import Op, apply, batch
from topics.codecs import Codec

D, H = 86_400.0, 3_600.0
ALL = (
    "count", "since_last", "sum(amount)", "mean(amount)", "std(amount)", "ratio(amount)",
    "distinct(terminal)",
)  # fmt: skip
CARDS = EntityTable(0, "card", features=ALL, windows=(7 * D, 1 * D, 3 * D))
RISK = EntityTable(
    2, "terminal", "labels", ("count", "mean(fraud)", "sum(amount)", "std(amount)", "std(fraud)"),
    windows=(1 * D, 7 * D), delay=7 * D, label="fraud",
)  # fmt: skip
CARDS_LATER = EntityTable(
    5, "card", features=("std(amount)", "distinct(terminal)", "ratio(amount)"),
    windows=(36 * H, 5 * H), delay=D, bucket=H,
)  # fmt: skip
CARDS_BEFORE = EntityTable(
    6, "card", features=("last(amount)", "lag(amount, 3)", "lag(amount,2)", "trend(amount)",
    "lag(terminal, 5)", "std(amount)"), windows=(2 * D, 9 * D),
)  # fmt: skip
RISK_BEFORE = EntityTable(
    7, "terminal", "labels", ("last(fraud)", "lag(fraud, 9)", "lag(amount, 4)", "trend(fraud)"),
    windows=(3 * D,), delay=7 * D, label="fraud",
)  # fmt: skip
ALL_BEFORE = EntityTable(
    8, None, features=("last(amount)", "lag(amount, 20)", "trend(terminal)", "count"),
    windows=(3 * H,),
)  # fmt: skip
ALL_RISK = EntityTable(9, None, "labels", ("last(fraud)", "mean(fraud)"), (40 * D,), label="fraud")
TABLES = (CARDS, RISK, CARDS_LATER, CARDS_BEFORE, RISK_BEFORE, ALL_BEFORE, ALL_RISK)


def assert_equal(got: list[dict[str, float]], wanted: list[dict[str, float]]) -> None:
    for i, (one, other) in enumerate(zip(got, wanted, strict=True)):
        assert one.keys() == other.keys(), i
        for name, value in one.items():
            tolerance = 0.06 if "distinct" in name else 1e-9
            assert value == pytest.approx(other[name], rel=tolerance, abs=1e-6), (i, name)


@pytest.mark.parametrize("late", [0, 3 * DAY, 20 * DAY], ids=["in order", "late", "very late"])
def test_every_feature_is_as_the_slow_way_has_it(late: int) -> None:
    ops = stream(700, late=late)
    assert_equal(run(TABLES, ops)[0], expected(TABLES, ops))


@pytest.mark.parametrize("late", [0, 20 * DAY])
@pytest.mark.parametrize("restores", [False, True])
@pytest.mark.parametrize("cut", [1, 7, 100])
def test_where_batches_end_and_what_was_restored_changes_nothing(
    cut: int, restores: bool, late: int
) -> None:
    ops = stream(300, seed=2, span=90 * DAY, late=late)
    assert run(TABLES, ops, cut, restores) == run(TABLES, ops)


def test_expiry_changes_nothing_and_leaves_nothing() -> None:
    ops = [event(i * 3 * DAY + card, card=card, amount=1.0, terminal=1) for i in range(9)
           for card in ([1, 2, 3] if i == 0 else [i, 99])]  # fmt: skip
    assert_equal(run([CARDS], ops, cut=1)[0], expected([CARDS], ops))
    _, state = run([CARDS], [*ops, label(60 * DAY, 60 * DAY, None, "drop")])
    assert list(state) == ["entity/0"]


def test_a_corrected_label_is_as_if_it_had_come_right() -> None:
    def told(*labels: Any) -> dict[str, float]:
        asked = event(3 * DAY, terminal=1, amount=0.0)
        return run([table], [*labels, asked])[0][-1]

    table = EntityTable(
        0, "terminal", "labels", ("count", "mean(loss)", "std(loss)"), (3 * D,), label="loss"
    )  # fmt: skip
    first, other = label(1, 0, 2.5, terminal=1), label(2, 5, 4.0, terminal=1)
    correction = label(3, 0, 7.0, "correct", 2.5, terminal=1)
    assert told(first, other, correction) == told(label(1, 0, 7.0, terminal=1), other)
    assert told(first, correction)["terminal_mean_loss_3d"] == 7.0


def test_a_label_counts_once_whatever_its_weight_and_known_only_after_the_delay() -> None:
    at = 10 * DAY
    ops: list[Op] = [label(at + i, at, i == 0, terminal=1, amount=1.0) for i in range(4)]
    ops += [event(at + day * DAY, terminal=1, amount=1.0) for day in (1, 6, 7, 8, 9)]
    risk = EntityTable(
        0, "terminal", "labels", ("count", "mean(fraud)"), (D,), 7 * D, None, "fraud"
    )
    got = run([risk], ops)[0][4:]
    assert [row["terminal_count_1d"] for row in got] == [0.0, 0.0, 4.0, 4.0, 0.0]
    assert [row["terminal_mean_fraud_1d"] for row in got] == [0.0, 0.0, 0.25, 0.25, 0.0]


def test_an_event_one_bucket_late_loses_nothing() -> None:
    table = EntityTable(0, "card", features=("count",), windows=(3 * D,))
    ops = [event(day * DAY, card=1) for day in (0, 1, 2, 3, 4)] + [event(4 * DAY - 1, card=1)]
    assert run([table], ops)[0][-1] == {"card_count_3d": 5.0}


def test_an_event_older_than_all_that_is_held_is_told_zeros_and_is_not_added() -> None:
    table = EntityTable(0, "card", features=("count", "since_last", "mean(amount)"), windows=(D,))
    ops = [event(day * DAY, card=1, amount=2.0) for day in (9, 0, 9)]
    got, _ = run([table], ops)
    assert [row["card_count_1d"] for row in got] == [1.0, 0.0, 2.0]
    assert got[1] == {"card_since_last": 0.0, "card_count_1d": 0.0, "card_mean_amount_1d": 0.0}


def test_since_last_is_minus_one_where_no_event_was_in_the_longest_window() -> None:
    table = EntityTable(0, "card", features=("since_last",), windows=(H, 2 * H))
    times = [0, 90_500, 90_500, 500 * MINUTE]
    got = run([table], [event(time, card=1) for time in times])[0]
    assert [row["card_since_last"] for row in got] == [-1.0, 90.5, 0.0, -1.0]


def test_the_longest_window_bounds_since_last_where_more_buckets_are_held() -> None:
    table = EntityTable(0, "card", features=("since_last",), windows=(D,))
    days = [0, 1, 3, 5]
    got = run([table], [event(day * DAY, card=1) for day in days])[0]
    assert [row["card_since_last"] for row in got] == [-1.0, 86_400.0, -1.0, -1.0]


def test_a_label_of_an_event_that_is_yet_to_come_is_counted_at_its_time() -> None:
    ops: list[Op] = [event(0, terminal=1, amount=1.0), event(DAY, terminal=2, amount=1.0)]
    ops += [label(DAY, 30 * DAY, True, terminal=1, amount=1.0)]
    ops += [event(day * DAY, terminal=1, amount=1.0) for day in (2, 30, 37, 38)]
    got = run([RISK], ops)[0]
    assert_equal(got, expected([RISK], ops))
    assert got[-2]["terminal_count_1d"] == 1.0


def test_a_ratio_is_one_where_the_mean_is_zero() -> None:
    table = EntityTable(0, "card", features=("ratio(amount)",), windows=(D,))
    got = run([table], [event(0, card=1, amount=amount) for amount in (0.0, 3.0, -3.0)])[0]
    assert [row["card_ratio_amount_1d"] for row in got] == [1.0, 2.0, 1.0]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"card": None}, "card: expected a text or an integer, got nothing"),
    ({"card": 1.5}, "card: expected a text or an integer, got 1.5"),
    ({"card": True}, "card: expected a text or an integer, got True"),
    ({"card": 2**70}, "card: expected a text or an integer, got 1180591620717411303424"),
    ({"card": "x" * 10_001}, "card: expected a text or an integer, got 'xxx"),
    ({"terminal": None}, "terminal: expected a text or an integer, got nothing"),
    ({"amount": None}, "amount: expected a finite number, got nothing"),
    ({"amount": "12"}, "amount: expected a finite number, got '12'"),
    ({"amount": float("nan")}, "amount: expected a finite number, got nan"),
    ({"amount": 10**400}, "amount: expected a finite number, got 1000"),
]


@pytest.mark.parametrize(("wrong", "what"), WRONG)
def test_an_event_that_lacks_what_is_needed_is_a_failure_that_no_past_knows_of(
    wrong: dict[str, Any], what: str
) -> None:
    good = {"card": 1, "terminal": 2, "amount": 3.0}
    state, clean = State(), State()
    entities, others = Entities(TABLES, state), Entities(TABLES, clean)
    ops: list[Any] = [event(0, **good), event(1, **good | wrong), event(2, **good)]
    errors = entities.errors(batch(ops))
    assert {i: type(error) for i, error in errors.items()} == {1: InvalidEvent}
    assert str(errors[1]).startswith(what)
    apply(entities, ops)
    assert ops[1].fields == good | wrong
    rest: list[Any] = [event(0, **good), event(2, **good)]
    apply(others, rest)
    assert [ops[0].fields, ops[2].fields] == [op.fields for op in rest]
    entities.save()
    others.save()
    assert state.changes() == clean.changes()


def test_an_event_without_the_entity_is_a_failure_also_where_labels_are_the_source() -> None:
    entities = Entities([RISK], State())
    errors = entities.errors(batch([event(0, amount=1.0), event(0, terminal=1)]))
    assert [(i, str(error).split(":")[0]) for i, error in errors.items()] == [
        (0, "terminal"),
        (1, "amount"),
    ]


def test_an_event_that_is_set_aside_has_the_fields_that_it_came_with() -> None:
    entities = Entities([CARDS], State())
    ops = [event(0, card=1, terminal=2, amount=3.0), event(1, card=None), event(2, card=None)]
    kept, rejected = entities.apply(batch(ops))
    assert (len(kept), [each.stage for each in rejected]) == (1, ["features"] * 2)
    forwarded = batch(ops)
    forwarded.records = [Message(topic="t", partition=0, offset=i) for i in range(len(ops))]
    forwarded.letters = DeadLetterFormat(Codec("json"))
    _, rejected = entities.apply(forwarded)
    assert [each.record.value() for each in rejected] == [b'{"card":null}'] * 2


GOOD = label(1, 0, True, terminal=1, amount=1.0)
LACKING: list[tuple[Any, str]] = [
    (label(1, 0, True, amount=1.0), "terminal: expected a text or an integer, got nothing"),
    (label(1, 0, True, terminal=1), "amount: expected a finite number, got nothing"),
    (label(1, 0, "yes", terminal=1, amount=1.0), "fraud: expected a finite number, got 'yes'"),
    (
        label(1, 0, True, "correct", "yes", terminal=1, amount=1.0),
        "fraud: expected a finite number, got 'yes'",
    ),
]


@pytest.mark.parametrize(("lacking", "what"), LACKING)
def test_a_label_that_lacks_what_is_needed_is_a_failure_that_no_past_knows_of(
    lacking: Any, what: str
) -> None:
    entities = Entities([RISK], State())
    asked = event(7 * DAY, terminal=1, amount=1.0)
    errors = entities.errors(batch([GOOD, lacking, asked]))
    assert list(errors) == [1]
    assert str(errors[1]).startswith(what)
    apply(entities, [GOOD, lacking, asked])
    assert asked.fields["terminal_count_1d"] == 1.0


def test_a_label_may_lack_what_only_tables_of_events_need() -> None:
    assert Entities([CARDS, RISK], State()).errors(batch([GOOD])) == {}


def test_a_batch_without_events_and_stages_without_tables_are_fine() -> None:
    tables: list[tuple[EntityTable, ...]] = [(), TABLES, (CARDS,)]
    batches: list[list[Op]] = [[event(0, card=1)], [], [label(1, 0, True)]]
    for some, ops in zip(tables, batches, strict=True):
        kept, rejected = Entities(some, State()).apply(batch(ops))
        assert (len(kept), rejected) == (len(ops), [])


def test_bools_are_numbers_and_texts_and_integers_are_different_entities() -> None:
    table = EntityTable(0, "card", features=("sum(night)",), windows=(D,))
    ops = [event(0, card=card, night=True) for card in (7, "7", 7)]
    assert [row["card_sum_night_1d"] for row in run([table], ops)[0]] == [1.0, 1.0, 2.0]


def test_values_beyond_all_measure_leave_finite_numbers_that_go_with_their_window() -> None:
    table = EntityTable(0, "card", features=ALL[2:6], windows=(D,))
    amounts = [1e300, -1e300, 1e300, 5.0, 1e-300, 4, 6]
    days = [0, 0, 0, 0, 0, 9, 9]
    ops = [
        event(day * DAY, card=1, amount=amount) for day, amount in zip(days, amounts, strict=True)
    ]
    got = run([table], ops)[0]
    assert all(abs(value) < 1e70 for row in got for value in row.values())
    assert list(got[-1].values()) == [10.0, 5.0, 1.0, 1.2]


def test_deviations_of_large_numbers_are_exact_and_never_below_zero() -> None:
    table = EntityTable(0, "card", features=("std(amount)",), windows=(2 * D,), bucket=H)
    ops = [event(i * 60 * MINUTE, card=1, amount=1e9 + i % 2) for i in range(40)]
    assert run([table], ops)[0][-1]["card_std_amount_2d"] == pytest.approx(0.5, abs=1e-9)
    same = [event(i * 60 * MINUTE, card=1, amount=0.1) for i in range(40)]
    assert 0.0 <= run([table], same)[0][-1]["card_std_amount_2d"] < 1e-12
