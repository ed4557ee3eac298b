"""The account of the demo, what it shows of it, and how it keeps its workers and its signals."""

import io
import math
import signal
import socket
import time
from pathlib import Path

import pytest
from rich.console import Console

from app.demo.cluster import free_port
from app.demo.figures import Meter, percentiles
from app.demo.ledger import WARM_UP, Ledger
from app.demo.screen import Lines
from app.demo.stopping import Stopped, Stopping
from app.demo.summary import Summary, as_text, summarize
from app.demo.view import Moment, Note, as_line, frame, spark
from app.demo.workers import WorkerProcess, Workers


class Clock:
    """Time that moves when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def answer(ledger: Ledger, number: int, partition: int = 0, score: float = 0.5) -> None:
    """A prediction of a model that had learned all events before."""
    ledger.predict(number, partition, number, score)


def run_of(ledger: Ledger, clock: Clock, count: int, latency: float = 0.02) -> None:
    """Events one after another, each acknowledged and answered after a while, labels in turns."""
    for _ in range(count):
        number = ledger.send(label=bool(ledger.sent % 2))
        ledger.deliver(number)
        clock.now += latency
        answer(ledger, number, number % 2, score=0.9 if number % 2 else 0.1)


def summary_of(ledger: Ledger) -> Summary:
    return summarize(ledger, source="shuttle", learner="svm", seconds=30.0, passes=1, commits=7)


def test_what_kafka_took_and_nobody_answered_is_missing() -> None:
    ledger = Ledger(Clock())
    run_of(ledger, Clock(), 5)
    ledger.deliver(ledger.send(label=True))
    ledger.send(label=True)
    totals = ledger.totals()
    assert (totals.sent, totals.delivered, totals.missing, totals.doubled) == (7, 6, 1, 0)
    assert not summary_of(ledger).is_whole


def test_every_answer_beyond_the_first_is_doubled_whatever_it_is() -> None:
    ledger = Ledger(Clock())
    run_of(ledger, Clock(), 5)
    answer(ledger, 1)
    answer(ledger, 1)
    ledger.set_aside(4, partition=0)
    totals = ledger.totals()
    assert (totals.predictions, totals.dead_letters) == (7, 1)
    assert (totals.missing, totals.doubled) == (0, 3)
    assert not summary_of(ledger).is_whole


def test_a_dead_letter_is_an_answer() -> None:
    ledger = Ledger(Clock())
    ledger.deliver(ledger.send(label=False))
    assert ledger.totals().missing == 1
    ledger.set_aside(0, partition=0)
    assert ledger.totals().missing == 0
    assert summary_of(ledger).is_whole


def test_a_second_answer_counts_neither_for_the_metrics_nor_for_the_latency() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    run_of(ledger, clock, 4)
    clock.now += 50.0
    answer(ledger, 3, score=0.0)
    answers = ledger.answers()
    assert answers.truths == [False, True, False, True]
    assert list(answers.scores) == [0.1, 0.9, 0.1, 0.9]
    assert list(answers.latencies) == pytest.approx([0.02] * 4)


def test_a_killed_worker_is_back_once_every_partition_answers_what_was_sent_after_it() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    run_of(ledger, clock, 10)
    before = [ledger.send(label=True) for _ in range(2)]
    ledger.begin_kill(at=clock.now)
    kill = ledger.kill
    assert kill is not None
    clock.now += 1.0
    after = [ledger.send(label=True) for _ in range(3)]
    answer(ledger, before[0], partition=0)
    answer(ledger, after[0], partition=0)
    assert kill.back is None
    clock.now += 1.0
    answer(ledger, after[1], partition=1)
    assert kill.back == pytest.approx(kill.at + 2.0)
    assert kill.caught_up is None
    clock.now += 0.5
    answer(ledger, before[1], partition=1)
    answer(ledger, after[2], partition=1)
    assert kill.caught_up == pytest.approx(kill.at + 2.5)


def test_the_latency_of_the_summary_leaves_out_the_start_and_the_crash_and_says_so() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    run_of(ledger, clock, 2, latency=0.49 * WARM_UP)
    clock.now += WARM_UP
    run_of(ledger, clock, 100, latency=0.02)
    ledger.begin_kill(at=clock.now)
    run_of(ledger, clock, 3, latency=3.0)
    run_of(ledger, clock, 50, latency=0.02)
    summary = summary_of(ledger)
    assert (summary.p50, summary.p99) == pytest.approx((0.02, 0.02))
    assert summary.longest == pytest.approx(3.0)
    assert "without start and crash, there up to 3,000 ms" in as_text(summary)


def test_the_oldest_waiting_event_is_the_first_without_an_answer() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    assert ledger.oldest() == 0.0
    first, second = ledger.send(label=True), ledger.send(label=True)
    clock.now += 1.0
    third = ledger.send(label=True)
    clock.now += 1.0
    answer(ledger, first)
    assert ledger.oldest() == pytest.approx(2.0)
    answer(ledger, second)
    assert ledger.oldest() == pytest.approx(1.0)
    answer(ledger, third)
    assert ledger.oldest() == 0.0


def test_the_figures_are_those_of_the_last_seconds() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    meter = Meter(ledger, clock.now)
    for _ in range(12):
        run_of(ledger, clock, 8, latency=0.0625)
        figures = meter.look(commits=3, passes=1)
    ledger.send(label=True)
    clock.now += 0.5
    figures = meter.look(commits=3, passes=1)
    assert figures.seconds == pytest.approx(6.5)
    assert (figures.sent, figures.predictions, figures.lag) == (97, 96, 1)
    assert figures.predicted_rate == pytest.approx(24 / 2.0)
    assert figures.oldest == pytest.approx(0.5)
    assert figures.learned == 95 + 96
    assert figures.roc_auc == 1.0
    assert figures.log_loss == pytest.approx(-math.log(0.9))
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


def moment(seconds: float = 12.0) -> Moment:
    clock = Clock()
    ledger = Ledger(clock)
    meter = Meter(ledger, clock.now)
    run_of(ledger, clock, 600)
    clock.now = 100.0 + seconds
    figures = meter.look(commits=123_456, passes=2)
    notes = [Note(6.0, "worker 1 killed with -9 (process 4242), started again", bad=True)]
    links = ("worker http://127.0.0.1:6066/health", "Kafka 127.0.0.1:43210")
    return Moment("shuttle", "logistic regression", figures, meter.history, notes, 30.0, "", links)


@pytest.mark.parametrize("width", [80, 140])
def test_the_picture_fits_the_terminal_and_cuts_nothing(width: int) -> None:
    console = Console(file=io.StringIO(), width=width)
    with console.capture() as capture:
        console.print(frame(moment()))
    shown = capture.get()
    assert max(map(len, shown.splitlines())) <= width
    assert "…" not in shown
    for expected in ("600", "1.0000", "20 ms", "123,456", "pass 2: known", "killed with -9"):
        assert expected in shown
    assert "12 of 30 s, Ctrl-C ends it sooner" in shown


def test_plain_lines_tell_what_happens_at_once_and_the_figures_every_five_seconds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Lines().live() as show:
        for seconds in (4.0, 5.1, 6.0, 9.9, 10.2):
            show(moment(seconds))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1].strip() for line in lines] == ["6.0 s", "5 s", "10 s"]
    assert "600 sent" in as_line(moment())
    assert "ROC AUC 1.0000" in lines[-1]


def test_the_summary_says_that_nothing_is_missing_or_doubled() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    run_of(ledger, clock, 200)
    ledger.begin_kill(at=clock.now - 0.5)
    run_of(ledger, clock, 4, latency=1.0)
    lines = as_text(summary_of(ledger)).splitlines()
    shown = {line[:20].strip(): line[20:].split()[0] for line in lines[1:]}
    assert shown["events sent"] == shown["predictions read"] == "204"
    assert shown["missing"] == shown["doubled"] == "0"
    assert shown["recovery"] == "2.5"
    assert shown["ROC AUC"] == "1.0000"
    assert max(map(len, lines)) <= 80


def test_a_summary_of_nothing_promises_no_figures() -> None:
    shown = as_text(summary_of(Ledger(Clock())))
    assert "nan" not in shown
    assert "no worker was killed" in shown


def test_a_broken_promise_is_not_hidden() -> None:
    ledger = Ledger(Clock())
    ledger.deliver(ledger.send(label=True))
    shown = as_text(summary_of(ledger))
    assert "exactly once" not in shown
    assert "the promise is broken" in shown


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
