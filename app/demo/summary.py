"""What the demo tells at its end."""

from __future__ import annotations

import math
from dataclasses import dataclass

from app.demo.figures import percentiles
from app.demo.ledger import Kill, Ledger, Totals
from learners import metrics


@dataclass(frozen=True)
class Summary:
    """A whole run.

    Attributes:
        source: The data set.
        learner: The type of the learner.
        seconds: From the first event until the last answer.
        passes: How often the data set was begun.
        totals: The account.
        commits: Transactions.
        kill: Of the worker; None where the run ended before it.
        roc_auc: Over all predictions; nan where it is not defined.
        log_loss: As `roc_auc`.
        p50: Latency in seconds without warm-up and crash, median; nan without any.
        p99: As `p50`, the 99th percentile.
        longest: The longest latency of all, in seconds.
    """

    source: str
    learner: str
    seconds: float
    passes: int
    totals: Totals
    commits: int
    kill: Kill | None
    roc_auc: float
    log_loss: float
    p50: float
    p99: float
    longest: float

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing or doubled."""
        return self.totals.missing == self.totals.doubled == 0


def summarize(
    ledger: Ledger,
    *,
    source: str,
    learner: str,
    seconds: float,
    passes: int,
    commits: int,
) -> Summary:
    """The summary of all that the ledger holds."""
    answers = ledger.answers()
    read = zip(answers.latencies, answers.disturbed, strict=True)
    p50, p99 = percentiles([latency for latency, disturbed in read if not disturbed])
    return Summary(
        source=source,
        learner=learner,
        seconds=seconds,
        passes=passes,
        totals=ledger.totals(),
        commits=commits,
        kill=ledger.kill,
        roc_auc=metrics.roc_auc(answers.truths, answers.scores),
        log_loss=metrics.log_loss(answers.truths, answers.scores),
        p50=p50,
        p99=p99,
        longest=max(answers.latencies, default=0.0),
    )


def as_text(summary: Summary) -> str:
    """The summary in lines of at most 80 characters."""
    totals = summary.totals
    verdict = "every event answered exactly once" if summary.is_whole else "the promise is broken"
    rows = [
        ("events sent", f"{totals.sent:,}", _sent(summary)),
        ("predictions read", f"{totals.predictions:,}", "by a read_committed consumer"),
        ("missing", f"{totals.missing:,}", ""),
        ("doubled", f"{totals.doubled:,}", verdict),
        ("dead letters", f"{totals.dead_letters:,}", ""),
        ("commits", f"{summary.commits:,}", "transactions"),
        ("recovery", *_recovery(summary.kill)),
        ("ROC AUC", _ratio(summary.roc_auc), _passes(summary)),
        ("log loss", _ratio(summary.log_loss), ""),
        ("latency p50", _ms(summary.p50), "from produce to the reader"),
        ("latency p99", _ms(summary.p99), _outside(summary)),
    ]
    head = f"riverrun demo: {summary.source}, {summary.learner}, {summary.seconds:.1f} s"
    lines = (f"  {name:<18}{figure:>10}  {remark}".rstrip() for name, figure, remark in rows)
    return "\n".join([head, *lines])


def _sent(summary: Summary) -> str:
    lost = summary.totals.sent - summary.totals.delivered
    return f"{lost:,} of them not acknowledged by Kafka" if lost else "acknowledged by Kafka"


def _recovery(kill: Kill | None) -> tuple[str, str]:
    if kill is None:
        return "-", "no worker was killed, the run ended before"
    if kill.back is None:
        return "-", "the killed worker did not come back in time"
    remark = "kill -9 to new predictions"
    if kill.caught_up is not None:
        remark += f", {kill.caught_up - kill.at:.1f} s to no backlog"
    return f"{kill.back - kill.at:.1f} s", remark


def _passes(summary: Summary) -> str:
    if summary.passes <= 1:
        return "each event scored before it was learned"
    return f"flattered: the data came {summary.passes} times"


def _outside(summary: Summary) -> str:
    crash = "start" if summary.kill is None else "start and crash"
    return f"without {crash}, there up to {_ms(summary.longest)}"


def _ms(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{1000 * seconds:,.0f} ms"


def _ratio(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"
