"""The account of the demo, what it shows of it, and how it keeps its workers and its signals."""

import io
import math
import signal
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from agents.evaluation.figures import RIVALS
from app.demo.cluster import free_port, own_settings, pipeline_file
from app.demo.desk import Case, Desk, Seen, Tally
from app.demo.figures import Meter, percentiles
from app.demo.ledger import Ledger
from app.demo.moment import Moment, Note
from app.demo.screen import Lines
from app.demo.spark import Steps, spark
from app.demo.stopping import Stopped, Stopping
from app.demo.summary import Summary, as_text, summarize
from app.demo.view import as_line, frame
from app.demo.workers import WorkerProcess, Workers
from app.demo.world import DELAY_DAYS, PATTERN_DAY, SEEN_DAYS, Truth, World, day_of, events
from app.fraud.transactions import DAY, EPOCH, Scenario, Transactions
from app.pipeline.load import load_pipeline
from topics.records import Alert, ModelVersion, Prediction, Reason, Source

SOURCE, MODEL = Source("events", 0, 0), ModelVersion("demo", 7)


class Clock:
    """Time that moves when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def run_of(ledger: Ledger, clock: Clock, count: int, latency: float = 0.02) -> None:
    """Events one after another, each answered after a while, on two partitions in turns."""
    for number in range(ledger.sent, ledger.sent + count):
        ledger.send(number)
        clock.now += latency
        ledger.predict(number, number % 2)


def summary_of(ledger: Ledger, learned: int | None = None, seen: Seen | None = None) -> Summary:
    return summarize(
        ledger, learner="svm", seconds=30.0, learned=learned, commits=7, seen=seen or Seen()
    )


# The world


@pytest.mark.parametrize(
    ("seconds", "history"), [(0, 31), (600, 31), (180, 31), (100, 31), (60, 35), (30, 38), (5, 41)]
)
def test_a_run_that_is_too_short_begins_after_the_new_fraud(seconds: float, history: int) -> None:
    world = World(seconds=seconds)
    assert world.history == history
    if 0 < seconds < 100:
        end = world.history + seconds // 10
        assert end == PATTERN_DAY + SEEN_DAYS > PATTERN_DAY + DELAY_DAYS


def test_payments_and_late_labels_come_in_the_order_of_time() -> None:
    world, truth = World(cards=50), Truth()
    seen: dict[str, list[tuple[int, int]]] = {"event": [], "label": []}
    latest = 0
    for event in events(world, truth):
        number, when = int(event.fields["id"].rpartition("-")[2]), event.timestamp or 0
        assert when >= latest
        latest = when
        if when >= (EPOCH + 40 * DAY) * 1000:
            break
        seen[event.kind].append((number, when))
        if event.kind == "event":
            assert event.fields["card"] == f"c{truth.cards[number]}"
        else:
            assert event.fields["fraud"] == truth.is_fraud(number)
    sent = dict(seen["event"])
    assert list(sent) == list(range(len(sent)))
    assert {number: sent[number] + DELAY_DAYS * DAY * 1000 for number, _ in seen["label"]} == dict(
        seen["label"]
    )
    new = {truth.day(number) for number in sent if truth.is_new(number)}
    assert new == set(range(PATTERN_DAY, 40))


def test_the_size_of_the_history_is_that_of_what_is_sent() -> None:
    world, truth = World(cards=50, seconds=30), Truth()
    end = (EPOCH + world.history * DAY) * 1000
    count = 0
    for event in events(world, truth):
        if (event.timestamp or 0) >= end:
            break
        count += event.kind == "event"
    assert world.history_size() == count


def test_the_settings_of_the_demo_are_good_for_its_pipeline_file() -> None:
    pipeline = load_pipeline(pipeline_file(), own_settings(World(cards=300), 3), {})
    assert pipeline.topics.partitions == 3
    assert pipeline.metrics is not None
    assert pipeline.decisions.budget == pipeline.metrics.k == 10
    assert pipeline.metrics.frozen_since == day_of(PATTERN_DAY).isoformat() == "2018-05-03"
    assert pipeline.metrics.rivals
    topics = {pipeline.events.topic, pipeline.predictions.topic, pipeline.metrics.topic}
    assert all(topic.startswith(f"{pipeline.name}.") for topic in topics)


# The ledger


def test_what_was_sent_and_nobody_answered_is_missing() -> None:
    ledger = Ledger(Clock())
    run_of(ledger, Clock(), 5)
    ledger.send(5)
    totals = ledger.totals()
    assert (totals.sent, totals.missing, totals.doubled) == (6, 1, 0)
    assert not summary_of(ledger).is_whole


def test_every_answer_beyond_the_first_is_doubled_whatever_it_is() -> None:
    ledger = Ledger(Clock())
    run_of(ledger, Clock(), 5)
    assert not ledger.predict(1, 0)
    assert not ledger.predict(1, 0)
    ledger.set_aside(4, partition=0)
    totals = ledger.totals()
    assert (totals.predictions, totals.dead_letters) == (7, 1)
    assert (totals.missing, totals.doubled) == (0, 3)
    assert not summary_of(ledger).is_whole


def test_a_dead_letter_is_an_answer() -> None:
    ledger = Ledger(Clock())
    ledger.send(0)
    ledger.set_aside(0, partition=0)
    assert ledger.totals().missing == 0
    assert summary_of(ledger).is_whole


def test_an_answer_may_be_read_before_its_sending_is_noted() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    ledger.begin_live()
    assert ledger.predict(0, 0)
    clock.now += 1.0
    ledger.send(0)
    assert (ledger.sent, ledger.totals().missing) == (1, 0)
    assert list(ledger.latencies().seconds) == [0.0]


@pytest.mark.parametrize(("learned", "whole"), [(3, True), (2, False), (4, False), (None, True)])
def test_each_label_is_to_be_learned_once(learned: int | None, whole: bool) -> None:
    ledger = Ledger(Clock())
    run_of(ledger, Clock(), 5)
    for number in range(3):
        ledger.label(number)
    assert [ledger.is_labelled(number) for number in (0, 2, 3, 9)] == [True, True, False, False]
    assert summary_of(ledger, learned).is_whole is whole


def test_a_killed_worker_is_back_once_every_partition_answers_what_was_sent_after_it() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    run_of(ledger, clock, 10)
    for number in range(10, 12):
        ledger.send(number)
    ledger.begin_kill(at=clock.now)
    kill = ledger.kill
    assert kill is not None
    clock.now += 1.0
    for number in range(12, 15):
        ledger.send(number)
    ledger.predict(10, 0)
    ledger.predict(12, 0)
    assert kill.back is None
    clock.now += 1.0
    ledger.predict(13, 1)
    assert kill.back == pytest.approx(kill.at + 2.0)
    assert kill.caught_up is None
    clock.now += 0.5
    ledger.predict(11, 1)
    ledger.predict(14, 1)
    assert kill.caught_up == pytest.approx(kill.at + 2.5)


def test_the_latency_of_the_summary_leaves_out_the_history_and_the_crash_and_says_so() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    run_of(ledger, clock, 2, latency=30.0)
    ledger.begin_live()
    run_of(ledger, clock, 100, latency=0.02)
    ledger.begin_kill(at=clock.now)
    run_of(ledger, clock, 3, latency=3.0)
    run_of(ledger, clock, 50, latency=0.02)
    summary = summary_of(ledger)
    assert (summary.p50, summary.p99) == pytest.approx((0.02, 0.02))
    assert summary.longest == pytest.approx(3.0)
    assert "without the crash, there up to 3,000 ms" in as_text(summary)


def test_the_oldest_waiting_event_is_the_first_without_an_answer() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    assert ledger.oldest() == 0.0
    ledger.send(0)
    ledger.send(1)
    clock.now += 1.0
    ledger.send(2)
    clock.now += 1.0
    ledger.predict(0, 0)
    assert ledger.oldest() == pytest.approx(2.0)
    ledger.predict(1, 0)
    assert ledger.oldest() == pytest.approx(1.0)
    ledger.predict(2, 0)
    assert ledger.oldest() == 0.0


# The desk


def truth_of(*rows: tuple[int, int, float, int]) -> Truth:
    """Payments: time, card, amount, scenario."""
    truth = Truth()
    time, card, amount, scenario = (np.array(column) for column in zip(*rows, strict=True))
    numbers = np.arange(len(rows))
    truth.add(Transactions(numbers, time, card, numbers, amount, scenario > 0, scenario))
    return truth


def said(number: int, decision: Any, **rivals: float) -> Prediction:
    return Prediction(
        f"live-{number:07}", True, 0.5, MODEL, SOURCE, decision, 0.4, None, rivals or None
    )


def alert(number: int, card: int) -> Alert:
    reasons = (Reason("amount", 2.0), Reason("night", -1.0), Reason("weekend", 0.5))
    event = {"amount": 12.5}
    return Alert(f"live-{number:07}", 5_000, f"c{card}", 0.9, 0.4, reasons, MODEL, SOURCE, event)


def test_of_the_new_fraud_is_counted_who_alerts_it_on_which_day() -> None:
    new = Scenario.TESTING
    truth = truth_of(
        (0, 1, 1.0, 0), (50_000, 2, 1.0, new), (60_000, 3, 1.0, new), (DAY + 5, 4, 1.0, new)
    )
    desk = Desk(truth, 10, lambda number: False)
    for number, decision in enumerate(("alert", "alert", "pass", "pass")):
        desk.predict(number, said(number, decision, frozen=0.1 * number, rule=0.0))
    first, second = desk.seen().tallies
    assert (first.day, first.payments, first.caught["model"]) == (0, 2, 1)
    assert (second.day, second.payments, second.caught["model"]) == (1, 1, 0)
    assert first.share("model") == 0.5
    assert first.caught["frozen"] + second.caught["frozen"] > 0


def test_a_rival_has_no_more_alerts_a_day_than_the_budget() -> None:
    new = Scenario.TESTING
    truth = truth_of(*((i * 400, i, 1.0, new) for i in range(200)))
    desk = Desk(truth, 5, lambda number: False)
    for number in range(200):
        desk.predict(number, said(number, "pass", frozen=float(number), rule=0.5))
    (tally,) = desk.seen().tallies
    assert tally.caught["model"] == 0
    assert 0 < tally.caught["frozen"] <= 5


def test_an_alert_waits_for_its_verdict_wherever_the_label_comes_first() -> None:
    truth = truth_of((0, 1, 1.0, 0), (10, 2, 1.0, Scenario.CARD), (20, 3, 1.0, 0))
    known = {1}
    desk = Desk(truth, 5, known.__contains__)
    for number in (0, 1, 2, 2):
        desk.alert(alert(number, number))
    seen = desk.seen()
    assert [case.number for case in seen.alerts] == [2, 1, 0]
    assert [case.verdict for case in seen.alerts] == [None, True, None]
    assert seen.alerts[0].reasons == ["amount", "weekend"]
    assert seen.counts == (3, 1, 1)
    desk.label(0)
    desk.label(1)
    assert desk.seen().counts == (3, 2, 1)
    assert [(case.number, case.verdict) for case in desk.seen().verdicts] == [(0, False), (1, True)]


# What is shown


def test_the_figures_are_those_of_the_last_seconds() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    ledger.begin_live()
    meter = Meter(ledger, clock.now)
    for _ in range(12):
        run_of(ledger, clock, 8, latency=0.0625)
        figures = meter.look(commits=3)
    ledger.send(96)
    ledger.label(0)
    clock.now += 0.5
    figures = meter.look(commits=3)
    assert figures.seconds == pytest.approx(6.5)
    assert (figures.sent, figures.predictions, figures.lag) == (97, 96, 1)
    assert (figures.labels, figures.waiting) == (1, 96)
    assert figures.oldest == pytest.approx(0.5)
    assert (figures.p50, figures.p99) == pytest.approx((0.0625, 0.0625))
    assert meter.history.predicted[-2:] == pytest.approx((16.0, 0.0))
    assert meter.history.lag[-2:] == (0, 1)


def test_without_latencies_there_are_no_percentiles() -> None:
    assert all(map(math.isnan, percentiles([])))


def test_a_spark_is_as_high_as_its_value() -> None:
    assert spark([0, 1, 4, 8]) == " ▁▄█"
    assert spark([4, 8, 80], top=8) == "▄██"
    assert spark([0, 0]) == "  "
    assert spark([]) == ""


def test_a_share_of_nothing_is_a_low_block() -> None:
    assert Steps([], "").line([0.0, 0.5, 1.0], "abc") == "abc"


def window(day: int, *, final: bool = True) -> dict[str, Any]:
    rival = {"average_precision": 0.5, "card_precision_at_k": 0.25, "saved": 1000.0 + day}
    start = (EPOCH + day * DAY) * 1000
    return {"start": start, "final": final, "model": rival, "frozen": rival, "rule": {}}


def seen_of(cases: int = 6) -> Seen:
    case = Case(9, EPOCH, "c123", 1234.5, 0.97, ["amount", "card_ratio_amount_90d"] * 3, None)
    told = case._replace(verdict=True)
    tallies = [Tally(PATTERN_DAY + n, 64, dict.fromkeys(RIVALS, 8 * n)) for n in range(9)]
    windows = [window(day, final=day < 5) for day in range(9)]
    return Seen([case] * cases, [told] * cases, (640, 500, 130), tallies, windows)


def moment(seconds: float = 12.0, seen: Seen | None = None) -> Moment:
    clock = Clock()
    ledger = Ledger(clock)
    ledger.begin_live()
    meter = Meter(ledger, clock.now)
    run_of(ledger, clock, 600)
    clock.now = 100.0 + seconds
    figures = meter.look(commits=123_456)
    notes = [Note(6.0, "worker 1 killed with -9 (process 4242), started again", bad=True)]
    now = EPOCH + (PATTERN_DAY + 8) * DAY + 3600
    links = ("http://127.0.0.1:6066",)
    learner, seen = "logistic regression", seen or seen_of()
    return Moment(learner, now, figures, meter.history, seen, 20, notes, 30.0, "", links)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (140, 24), (80, 36), (140, 50)])
def test_the_picture_fits_the_terminal(width: int, height: int) -> None:
    console = Console(file=io.StringIO(), width=width)
    with console.capture() as capture:
        console.print(frame(moment(), height))
    lines = capture.get().splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) <= height
    shown = capture.get()
    for expected in ("600", "20 ms", "123,456", "05-11 01:00", "killed with -9", "fraud",
                     "04-01 to 04-05, by labels", "5,010", "card precision at 20",
                     "since 05-03, labels since 05-10", "64 of 64 today, 288 of 576 in all",
                     "130 of the 500 with a label", "http://127.0.0.1:6066",
                     "12 of 30 s, Ctrl-C ends it sooner"):  # fmt: skip
        assert expected in shown


def test_the_picture_of_the_beginning_promises_no_figures() -> None:
    console = Console(file=io.StringIO(), width=100)
    with console.capture() as capture:
        console.print(frame(moment(seen=Seen())))
    assert "nan" not in capture.get()
    assert "no day has all its labels yet" in capture.get()
    assert "begins on 05-03, its labels come 7 days later" in capture.get()


def test_plain_lines_tell_what_happens_at_once_and_the_figures_every_five_seconds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Lines().live() as show:
        for seconds in (4.0, 5.1, 6.0, 9.9, 10.2):
            show(moment(seconds))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1].strip() for line in lines] == ["6.0 s", "5 s", "10 s"]
    assert "600 payments" in as_line(moment())
    assert "new fraud today: 64 of 64 by the live model, 64 frozen" in lines[-1]


def figures_of(text: str) -> dict[str, str]:
    return {line[:20].strip(): line[20:].split()[0] for line in text.splitlines()[1:]}


def test_the_summary_says_that_nothing_is_missing_or_doubled() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    run_of(ledger, clock, 200)
    ledger.begin_kill(at=clock.now - 0.5)
    run_of(ledger, clock, 4, latency=1.0)
    text = as_text(summary_of(ledger, learned=0, seen=seen_of()))
    shown = figures_of(text)
    assert shown["payments sent"] == shown["predictions read"] == "204"
    assert shown["missing"] == shown["doubled"] == "0"
    assert shown["recovery"] == "2.5"
    assert shown["new fraud"] == "576"
    assert shown["before its labels"] == str(round(100 * 8 * 21 / (7 * 64)))
    assert shown["with its labels"] == str(round(100 * 8 * 15 / (2 * 64)))
    assert max(map(len, text.splitlines())) <= 80


def test_a_summary_of_nothing_promises_no_figures() -> None:
    shown = as_text(summary_of(Ledger(Clock())))
    assert "nan" not in shown
    assert "no worker was killed" in shown


def test_a_broken_promise_is_not_hidden() -> None:
    ledger = Ledger(Clock())
    ledger.send(0)
    shown = as_text(summary_of(ledger))
    assert "exactly once" not in shown
    assert "a promise is broken" in shown


def test_signals_are_counted_and_raise_only_where_that_is_safe() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Stopping() as stopping:
        stopping.check()
        signal.raise_signal(signal.SIGINT)
        assert stopping.asked == 1
        with pytest.raises(Stopped):
            stopping.check()
    assert signal.getsignal(signal.SIGINT) is before
    with Stopping() as stopping, pytest.raises(Stopped), stopping.at_once():
        signal.raise_signal(signal.SIGTERM)


def test_a_port_that_is_taken_is_replaced_by_a_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) not in (0, port)
    assert free_port(port) == port


def test_a_worker_that_never_gets_ready_is_given_up_with_its_own_words(tmp_path: Path) -> None:
    told: list[str] = []
    process = WorkerProcess(["no-such-file.toml"], tmp_path / "log", free_port())
    workers = Workers([process], told.append)
    workers.start()
    try:
        deadline = time.monotonic() + 60
        while workers.failure is None and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        workers.stop()
    assert "worker 1 cannot start" in str(workers.failure)
    assert "no-such-file.toml: cannot be read" in str(workers.failure)
    assert told == ["worker 1 ended with exit code 2, started again"] * 2
