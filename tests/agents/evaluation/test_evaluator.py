"""A prediction is judged when its label comes, in the window that its event lies in."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import islice
from typing import Any, get_args

import numpy as np
import pytest
from confluent_kafka import Message

from agents.evaluation.evaluator import Evaluator
from agents.evaluation.figures import RIVALS
from agents.evaluation.settings import EvaluatorSettings
from agents.evaluation.window import CHUNK
from agents.operations import Kind
from agents.sinks.scored import ScoredBatch
from agents.state import State
from app.fraud.live import LiveParameters, LiveSimulator
from app.fraud.stream import merged
from app.fraud.transactions import EPOCH, Transactions
from app.fraud.yardstick import Verdict, work
from app.fraud.yardstick import evaluate as evaluate_offline
from learners import metrics
from learners.base import Task
from tests.agents.one_by_one import Event, Label, Op, batch
from topics.metrics import WindowMetrics
from topics.times import DAY

HOUR = DAY // 24
RECORD: Any = Message()
KINDS: tuple[Kind, ...] = get_args(Kind)
SETTINGS = EvaluatorSettings(partition=3, k=2, entity="card", amount="amount")


def event(id_: Any, time: int, label: Any = None, **fields: Any) -> Event:
    """An event; its scores are among its fields."""
    return Event(id_, time, fields, label, RECORD)


def label(id_: Any, time: int, event_time: int, truth: Any, kind: Kind = "learn") -> Label:
    """A label of an event."""
    return Label(id_, time, event_time, kind, truth, None, 1, {}, RECORD)


def ask(judge: Evaluator, ops: Sequence[Op]) -> list[WindowMetrics]:
    """What the judge says of these operations."""
    at = np.array([i for i, op in enumerate(ops) if isinstance(op, Event)], int)
    fields = [op.fields for op in ops if isinstance(op, Event)]
    scored = ScoredBatch(batch(ops), at, decisions=[each.get("decision") for each in fields])
    said = {name: [each.get("said", {}).get(name) for each in fields] for name in RIVALS}
    return judge.watch(scored, said)


def judged(
    ops: Sequence[Op], settings: EvaluatorSettings = SETTINGS, task: Task = "binary"
) -> list[WindowMetrics]:
    """What a new judge says of these ops in all."""
    return ask(Evaluator(settings, State(), task), ops)


def final(records: Sequence[WindowMetrics]) -> list[WindowMetrics]:
    """The records of closed windows."""
    return [record for record in records if record.final]


class History:
    """Days of payments with three scores, their labels a week late, and the same as columns."""

    def __init__(self, days: int, seed: int = 0) -> None:
        simulator = LiveSimulator(
            LiveParameters(seed=seed, cards=60, terminals=20, rate=3, frauds=20)
        )
        self.days = list(islice(simulator, days))
        columns = zip(*(self._columns(day) for day in self.days), strict=True)
        self.data = Transactions(*(np.concatenate(column) for column in columns))
        rng = np.random.default_rng(seed)
        noise = rng.uniform(size=(3, len(self.data)))
        self.scores = np.clip(0.7 * noise + 0.3 * self.data.fraud, 0, 1)
        self.alert = self.scores[0] > 0.7

    def ops(self) -> list[Op]:
        """Events and labels in the order of time."""
        ops: list[Op] = []
        times: dict[str, int] = {}
        for record in merged(self.days):
            value, row = record.value, len(times)
            if record.kind == "label":
                known = times[value["id"]]
                ops.append(label(value["id"], record.timestamp, known, value["fraud"]))
                continue
            times[value["id"]] = record.timestamp
            said = dict(zip(("model", "frozen", "rule"), self.scores[:, row].tolist(), strict=True))
            fields = {"card": value["card"], "amount": value["amount"], "said": said}
            fields["decision"] = "alert" if self.alert[row] else "pass"
            ops.append(event(value["id"], record.timestamp, **fields))
        return ops

    @staticmethod
    def _columns(day: Transactions) -> list[Any]:
        return [getattr(day, name) for name in Transactions.__dataclass_fields__]


@pytest.fixture(scope="module")
def history() -> History:
    return History(days=12)


def test_late_labels_give_the_verdict_of_the_offline_judge(history: History) -> None:
    settings = EvaluatorSettings(partition=0, k=3, entity="card", amount="amount", fee=2.0)
    records = final(judged(history.ops(), settings))
    assert [record.start for record in records] == [EPOCH * 1000 + n * DAY for n in range(12)]
    for row, scorer in enumerate(("model", "frozen", "rule")):
        expected: Verdict = evaluate_offline(history.data, history.scores[row], k=3, fee=2.0)
        found = [getattr(record, scorer) for record in records]
        precision = [one.card_precision_at_k for one in found]
        assert np.mean(precision) == pytest.approx(expected.card_precision)
        assert sum(one.saved for one in found) == pytest.approx(expected.saved)
        assert sum(one.lost for one in found) == pytest.approx(expected.lost)
    assert 0 < expected.card_precision < 1


def test_each_window_has_the_metrics_of_its_own_events(history: History) -> None:
    records = final(judged(history.ops()))
    for day, record in enumerate(records):
        rows = history.data.day == day
        truth: Any = history.data.fraud[rows]
        for row, scorer in enumerate(("model", "frozen", "rule")):
            score, found = history.scores[row][rows], getattr(record, scorer)
            assert found.average_precision == metrics.average_precision(truth, score)
            assert found.roc_auc == metrics.roc_auc(truth, score)
            assert found.log_loss == metrics.log_loss(truth, score)
            assert found.precision_at_k == metrics.precision_at_k(truth, score, 2)
            assert found.recall_at_k == metrics.recall_at_k(truth, score, 2)
            diagram = [(part.score, part.share, part.count) for part in found.calibration]
            assert diagram == [tuple(part) for part in metrics.calibration(truth, score)]
        assert record.events == record.labelled == rows.sum()
        assert record.positives == truth.sum()
        assert record.alerts == history.alert[rows].sum()


def slow_money(data: Transactions, alert: Any, fee: float) -> tuple[float, float]:
    """Saved and lost by looking at each alerted card of a day, with sets and sorting."""
    detected: set[int] = set()
    saved = lost = 0.0
    rows = list(zip(data.rows(), alert.tolist(), strict=True))
    for day in sorted(set(data.day.tolist())):
        here = [(row, is_alert) for row, is_alert in rows if row[1] // 86_400 == day]
        looked = {row[2] for row, is_alert in here if is_alert} - detected
        detected |= looked & {row[2] for row, _ in here if row[5]}
        saved -= fee * len(looked)
        saved += sum(row[4] for row, _ in here if row[5] and row[2] in detected)
        lost += sum(row[4] for row, _ in here if row[5] and row[2] not in detected)
    return saved, lost


def test_alerts_are_judged_as_looks_at_their_cards(history: History) -> None:
    found = [record.decided for record in final(judged(history.ops()))]
    saved, lost = slow_money(history.data, history.alert, SETTINGS.fee)
    assert sum(one.saved or 0 for one in found if one) == pytest.approx(saved)
    assert sum(one.lost or 0 for one in found if one) == pytest.approx(lost)
    day = history.data.day == 4
    hits = (history.alert & history.data.fraud)[day].sum()
    assert found[4] is not None
    assert found[4].precision == pytest.approx(hits / history.alert[day].sum())
    assert found[4].recall == pytest.approx(hits / history.data.fraud[day].sum())


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_neither_cuts_nor_restores_change_anything(history: History, size: int) -> None:
    ops = History(days=9, seed=1).ops()
    time = ops[299].time
    odd = event("odd", time, card=None, amount="much", said={"rule": None}, decision="alert")
    ops[300:300] = [odd, label("odd", time, time, True)]
    whole = State()
    judge = Evaluator(SETTINGS, whole, "binary")
    expected = ask(judge, ops)
    judge.save()
    entries: dict[str, bytes] = {}
    records: list[WindowMetrics] = []
    for first in range(0, len(ops), size):
        state = State(entries)
        judge = Evaluator(SETTINGS, state, "binary")
        records += ask(judge, ops[first : first + size])
        judge.save()
        for key, value in state.changes().items():
            if value is None:
                del entries[key]
            else:
                entries[key] = value
    assert records == expected
    assert entries == {key: whole.get(key) for key in whole}
    assert len(final(expected)) == 9


def test_a_window_is_closed_when_its_last_label_comes() -> None:
    ops: list[Op] = [event("a", 0), event("b", DAY - 1), event("c", 2 * DAY)]
    assert judged([*ops, label("a", 2 * DAY, 0, True)]) == []
    (record,) = final(judged([*ops, label("a", 2 * DAY, 0, True), label("b", 2 * DAY, 1, True)]))
    assert (record.start, record.end, record.partition) == (0, DAY, 3)
    assert (record.events, record.labelled, record.positives) == (2, 2, 2)
    assert record.key == b"0/3"


def test_an_event_that_was_dropped_is_counted_and_not_judged() -> None:
    ops: list[Op] = [
        event("a", 0, said={"model": 0.9}),
        event("b", 1, said={"model": 0.4}),
        event("c", DAY),
    ]
    labels = [label("a", DAY + HOUR, 0, True), label("b", DAY + 3 * HOUR, 1, None, "drop")]
    (record,) = final(judged([*ops, *labels]))
    assert (record.events, record.labelled) == (2, 1)
    assert record.model is not None
    assert record.model.scored == 1


def test_a_drop_after_the_label_takes_nothing_back() -> None:
    ops: list[Op] = [event("a", 0), label("a", 1, 0, True), label("a", 2, 0, None, "drop")]
    (record,) = final(judged([*ops, event("b", 2 * DAY)]))
    assert (record.labelled, record.positives) == (1, 1)


def test_a_correction_before_the_closing_counts_and_one_after_it_does_not() -> None:
    ops: list[Op] = [
        event("a", 0),
        event("b", 1),
        label("a", 2, 0, True),
        label("a", 3, 0, False, "correct"),
    ]
    closing: list[Op] = [label("b", 2 * DAY, 1, True), label("b", 2 * DAY, 1, False, "correct")]
    records = judged([*ops, *closing, event("c", 4 * DAY)])
    assert [record.positives for record in final(records)] == [1]


def test_windows_close_in_order() -> None:
    ops: list[Op] = [event("a", 0), event("b", DAY), label("b", 3 * DAY, DAY, True)]
    assert final(judged(ops)) == []
    records = final(judged([*ops, label("a", 3 * DAY, 0, False)]))
    assert [record.start for record in records] == [0, DAY]


def test_a_label_that_never_comes_keeps_a_window_open_until_it_expires() -> None:
    settings = EvaluatorSettings(0, expire=5 * DAY)
    assert final(judged([event("a", 0), event("b", 6 * DAY - 1)], settings)) == []
    (record,) = final(judged([event("a", 0), event("b", 6 * DAY)], settings))
    assert (record.events, record.labelled, record.model) == (1, 0, None)


def test_an_event_of_a_closed_window_is_not_judged() -> None:
    ops: list[Op] = [event("a", 0), label("a", 2 * DAY, 0, True)]
    (record,) = final(judged([*ops, event("late", 5, True), event("b", 3 * DAY)]))
    assert record.events == 1


def test_the_second_event_of_an_id_is_not_judged() -> None:
    ops: list[Op] = [event("a", DAY - 1), event("b", DAY), event("a", DAY + 1)]
    labels = [label("a", 3 * DAY, DAY - 1, True), label("b", 3 * DAY, DAY, True)]
    records = final(judged([*ops, *labels]))
    assert [(record.start, record.events) for record in records] == [(0, 1), (DAY, 1)]


@pytest.mark.parametrize("seed", range(30))
def test_a_window_is_final_once_however_late_events_and_labels_come(seed: int) -> None:
    draw, ops = random.Random(seed), list[Op]()
    now, settings = (
        [draw.randrange(200) for _ in range(3)],
        EvaluatorSettings(0, window=10, expire=30),
    )
    for n in range(200):
        source = draw.randrange(3)
        now[source] += draw.randrange(6)
        ops.append(event(n, now[source], draw.choice([None, None, True])))
        old = ops[draw.randrange(len(ops))]
        if isinstance(old, Event):
            kind: Kind = draw.choice(KINDS)
            ops.append(label(old.id, now[source], old.time, draw.random() < 0.5, kind))
    state, closed, records = State(), set[int](), list[WindowMetrics]()
    while ops:
        judge, size = Evaluator(settings, state, "binary"), draw.randrange(1, 30)
        records += ask(judge, ops[:size])
        judge.save()
        state, ops = State({key: state.get(key) or b"" for key in state}), ops[size:]
    assert len(final(records)) > 5
    for record in records:
        assert record.start not in closed, "it was final, and is said again"
        if record.final:
            closed.add(record.start)


def test_open_windows_are_saved_in_the_same_order_however_they_came() -> None:
    clocks = []
    for days in ((0, 1, 2), (2, 0, 1)):
        state = State()
        judge = Evaluator(SETTINGS, state, "binary")
        ask(judge, [*(event(day, day * DAY) for day in days), event("last", 2 * DAY)])
        judge.save()
        clocks.append(state.get("judge/clock"))
    assert clocks[0] == clocks[1]


def test_labels_that_come_with_their_events_are_judged_as_the_stream_goes_on() -> None:
    ops: list[Op] = [event(None, n * HOUR, n % 2 == 0, said={"model": n / 24}) for n in range(24)]
    records = judged([*ops, event(None, DAY + 2 * HOUR, True), event(None, DAY + 3 * HOUR, True)])
    (record,) = final(records)
    assert (record.events, record.labelled, record.positives) == (24, 24, 12)


def test_open_windows_are_judged_ten_times_by_what_is_known() -> None:
    ops: list[Op] = [event(n, n) for n in range(1000)]
    ops += [label(n, DAY + n * HOUR // 24, n, n % 3 == 0) for n in range(999)]
    records = judged([*ops, event("end", 5 * DAY)])
    known = [record.labelled for record in records]
    assert not any(record.final for record in records)
    assert len(records) == 19
    assert known == sorted(set(known))
    assert known[-1] == 999


def test_nothing_new_is_not_said_again() -> None:
    ops: list[Op] = [event("a", 0), event("b", 1), label("a", DAY, 0, True)]
    records = judged([*ops, *(event(n, 2 * DAY + n * HOUR) for n in range(48))])
    assert [record.labelled for record in records] == [1]


def test_a_caught_card_is_remembered_for_a_while() -> None:
    settings = EvaluatorSettings(0, k=1, entity="card", remember=2 * DAY)
    days = [0, 1, 2, 3]
    ops: list[Op] = [event(day, day * DAY, True, card="c", said={"model": 0.9}) for day in days]
    records = final(judged([*ops, event("end", 9 * DAY)], settings))
    found = [record.model.card_precision_at_k for record in records if record.model]
    assert found == [1.0, 0.0, 0.0, 1.0]


def test_without_entities_every_event_is_one() -> None:
    settings = EvaluatorSettings(0, k=1, amount="amount", fee=1.5)
    ops = [
        event("a", 0, True, amount=70, said={"model": 0.9}),
        event("b", 1, True, amount=30, said={"model": 0.8}),
        event("c", 2 * DAY),
    ]
    (record,) = final(judged(ops, settings))
    assert record.model is not None
    assert (record.model.saved, record.model.lost) == (68.5, 30.0)
    assert record.model.card_precision_at_k is None


def test_a_rival_that_said_nothing_has_no_metrics() -> None:
    (record,) = final(judged([event("a", 0, True, said={"rule": 3.0}), event("b", 2 * DAY)]))
    assert (record.model, record.frozen, record.decided) == (None, None, None)
    assert record.rule is not None
    assert record.rule.average_precision == 1.0
    assert record.rule.roc_auc is None
    assert record.rule.log_loss is None, "3.0 is no probability"


def test_numbers_and_classes_are_judged_as_such() -> None:
    numbers = [
        event("a", 0, 1.0, said={"model": 2.0}),
        event("b", 1, 5.0, said={"model": 5.0}),
        event("c", 2 * DAY),
    ]
    (record,) = final(judged(numbers, task="regression"))
    assert record.model is not None
    assert (record.positives, record.model.mae, record.model.rmse) == (None, 0.5, 0.5**0.5)
    classes = [event(str(n), n, "xy"[n % 2], said={"model": "x"}) for n in range(4)]
    (record,) = final(judged([*classes, event("c", 2 * DAY)], task="multiclass"))
    assert record.model is not None
    assert record.model.accuracy == 0.5
    assert record.model.macro_f1 == pytest.approx(1 / 3)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression", "anomaly", "clustering"])
def test_every_task_survives_a_restore(task: Task) -> None:
    rng = random.Random(0)
    ops: list[Op] = []
    for n in range(3 * CHUNK):
        said = {"model": "a" if task == "multiclass" else rng.random(), "rule": None}
        ops.append(event(n, n, card=n % 5, amount=1, said=said))
        ops.append(label(n, n + 1, n, rng.random() < 0.5))
    state = State()
    judge = Evaluator(SETTINGS, state, task)
    ask(judge, ops)
    judge.save()
    end = [event("end", 40 * DAY)]
    again = Evaluator(SETTINGS, State({key: state.get(key) or b"" for key in state}), task)
    assert ask(again, end) == ask(judge, end)


def test_what_a_closed_window_leaves_behind_is_who_was_caught() -> None:
    state = State()
    judge = Evaluator(SETTINGS, state, "binary")
    for n in range(2 * CHUNK):
        ask(judge, [event(n, n, True, card=n, said={"model": n / 200})])
    judge.save()
    assert len(state) == 3
    ask(judge, [event("end", 2 * DAY)])
    judge.save()
    assert sorted(state) == [f"judge/{2 * DAY}/0", "judge/caught/0", "judge/clock"]


@pytest.mark.parametrize(("k", "partitions"), [(10, 4), (50, 4), (100, 12), (3, 4), (1, 8), (7, 1)])
def test_the_places_of_all_partitions_add_up_to_k_in_every_window(k: int, partitions: int) -> None:
    each = [EvaluatorSettings(p, window=10, k=k, partitions=partitions) for p in range(partitions)]
    for start in range(0, 500, 10):
        assert sum(one.places(start) for one in each) == k
    turns = range(0, 10 * partitions, 10)
    assert {sum(one.places(start) for start in turns) for one in each} == {k}


def test_a_partition_without_a_place_has_no_figures_at_k() -> None:
    settings = EvaluatorSettings(0, window=10, k=1, entity="card", amount="amount", partitions=2)
    judge = Evaluator(settings, State(), "binary")
    for start in (0, 10):
        ask(judge, [event(start, start, True, card=5, said={"model": 0.5})])
    first, second = [r for r in ask(judge, [event("end", 40)]) if r.final]
    assert (first.k, second.k) == (1, 0)
    assert first.model is not None
    assert second.model is not None
    assert (first.model.card_precision_at_k, first.model.precision_at_k) == (1.0, 1.0)
    assert (second.model.card_precision_at_k, second.model.precision_at_k) == (None, None)
    assert (second.model.recall_at_k, second.model.scored) == (None, 1)


def test_the_desk_of_the_offline_judge_is_the_same_day_by_day(history: History) -> None:
    records = final(judged(history.ops()))
    found = [record.model.card_precision_at_k for record in records if record.model]
    days = work(history.data, history.scores[0], k=2)
    assert found == [len(day.found) / 2 for day in days]
