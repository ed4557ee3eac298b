"""What the demo tells at its end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.demo.desk import Seen, Tally
from app.demo.figures import percentiles
from app.demo.ledger import Kill, Ledger, Totals
from app.demo.world import DELAY_DAYS, PATTERN_DAY


@dataclass(frozen=True)
class Summary:
    """A whole run.

    Attributes:
        learner: The type of the learner.
        seconds: From the end of the history until the last answer.
        totals: The account.
        learned: Labels that the models had learned in the end; None where nobody could ask.
        commits: Transactions.
        kill: Of the worker; None where the run ended before it.
        p50: Latency in seconds without the crash, median; nan without any.
        p99: As `p50`, the 99th percentile.
        longest: The longest latency, in seconds.
        seen: By the desk.
    """

    learner: str
    seconds: float
    totals: Totals
    learned: int | None
    commits: int
    kill: Kill | None
    p50: float
    p99: float
    longest: float
    seen: Seen

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing or doubled, and each label is learned once."""
        is_learned = self.learned in (None, self.totals.labels)
        return self.totals.missing == self.totals.doubled == 0 and is_learned


def summarize(
    ledger: Ledger, *, learner: str, seconds: float, learned: int | None, commits: int, seen: Seen
) -> Summary:
    """The summary of all that the ledger holds."""
    read = zip(*ledger.latencies(), strict=True)
    p50, p99 = percentiles([latency for latency, disturbed in read if not disturbed])
    return Summary(
        learner=learner,
        seconds=seconds,
        totals=ledger.totals(),
        learned=learned,
        commits=commits,
        kill=ledger.kill,
        p50=p50,
        p99=p99,
        longest=max(ledger.latencies().seconds, default=0.0),
        seen=seen,
    )


def as_text(summary: Summary) -> str:
    """The summary in lines of at most 80 characters."""
    totals = summary.totals
    verdict = "every payment answered exactly once" if summary.is_whole else "a promise is broken"
    alerts, labelled, frauds = summary.seen.counts
    rows = [
        ("payments sent", f"{totals.sent:,}", "acknowledged by Kafka"),
        ("predictions read", f"{totals.predictions:,}", "by a read_committed consumer"),
        ("missing", f"{totals.missing:,}", ""),
        ("doubled", f"{totals.doubled:,}", verdict),
        ("dead letters", f"{totals.dead_letters:,}", ""),
        ("labels sent", f"{totals.labels:,}", f"{DELAY_DAYS} days after their payments"),
        ("labels learned", "-" if summary.learned is None else f"{summary.learned:,}",
         "by the model that is on Kafka"),
        ("commits", f"{summary.commits:,}", "transactions"),
        ("recovery", *_recovery(summary.kill)),
        ("latency p50", _ms(summary.p50), "from produce to the reader"),
        ("latency p99", _ms(summary.p99), _outside(summary)),
        ("alerts", f"{alerts:,}", f"{frauds:,} of the {labelled:,} with a label were fraud"),
        ("new fraud", f"{_new(summary.seen.tallies):,}", "payments like none before"),
        ("before its labels", *_caught(summary.seen.tallies, labelled=False)),
        ("with its labels", *_caught(summary.seen.tallies, labelled=True)),
    ]  # fmt: skip
    head = f"riverrun demo: card fraud, {summary.learner}, {summary.seconds:.1f} s"
    lines = (f"  {name:<18}{figure:>10}  {remark}".rstrip() for name, figure, remark in rows)
    return "\n".join([head, *lines])


def _new(tallies: Sequence[Tally]) -> int:
    return sum(tally.payments for tally in tallies)


def _caught(tallies: Sequence[Tally], *, labelled: bool) -> tuple[str, str]:
    """What was found of the new fraud, before its first labels came or since then."""
    known = [tally for tally in tallies if (tally.day >= PATTERN_DAY + DELAY_DAYS) is labelled]
    payments = sum(tally.payments for tally in known)
    if not payments:
        return "-", "the run ended before" if labelled else ""
    model, frozen = (sum(tally.caught[who] for tally in known) for who in ("model", "frozen"))
    frozen_share = f"{100 * frozen / payments:.0f} %"
    return f"{100 * model / payments:.0f} %", f"of {payments:,} alerted; {frozen_share} if frozen"


def _recovery(kill: Kill | None) -> tuple[str, str]:
    if kill is None:
        return "-", "no worker was killed, the run ended before"
    if kill.back is None:
        return "-", "the killed worker did not come back in time"
    remark = "kill -9 to new predictions"
    if kill.caught_up is not None:
        remark += f", {kill.caught_up - kill.at:.1f} s to no backlog"
    return f"{kill.back - kill.at:.1f} s", remark


def _outside(summary: Summary) -> str:
    if summary.kill is None or math.isnan(summary.p99):
        return ""
    return f"without the crash, there up to {_ms(summary.longest)}"


def _ms(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{1000 * seconds:,.0f} ms"
