"""How a moment of the demo looks in a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from rich.box import ROUNDED
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from agents.evaluation.figures import RIVALS
from app.demo.desk import Case, Seen, Tally
from app.demo.figures import History
from app.demo.moment import Moment, Note
from app.demo.spark import Spark, Steps
from app.demo.world import DELAY_DAYS, PATTERN_DAY, day_of

WIDEST = 108
NAMES = {"model": "live model", "frozen": "frozen model", "rule": "hand rule"}
COLOURS = {"model": "green", "frozen": "cyan", "rule": ""}
_LABEL = 12
_NOTES = 3
_WINDOWS = 7
_TALL = 30
"""Lines from which on there is room for all parts."""


def frame(moment: Moment, height: int = 40) -> Panel:
    """The picture of a moment: at least 80 columns, and `height` lines at most from 24 on."""
    is_small = height < _TALL
    parts: list[list[RenderableType]] = [
        [_numbers(moment), *([] if is_small else [_lines(moment.history)])],
        [_metrics(moment.seen, moment.budget)],
        [_pattern(moment)],
        [_cases(moment.seen, 1 if is_small else min(5, (height - _TALL) // 2 + 1))],
        [_notes(moment.notes[-1 if is_small else -_NOTES :])],
    ]
    spaced = [part for group in parts for part in (*group, Text())]
    return Panel(
        Group(*spaced[:-1]),
        box=ROUNDED,
        border_style="dim",
        padding=(0, 2),
        title=Text.assemble(("riverrun", "bold"), f"  card fraud, {moment.learner}"),
        title_align="left",
        subtitle=Text("   ".join([*moment.links, _progress(moment)]), "dim"),
        subtitle_align="right",
        width=WIDEST,
    )


def _numbers(moment: Moment) -> Table:
    now = moment.figures
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(style="dim", width=_LABEL)
    grid.add_column(justify="right", width=9)
    grid.add_column(style="dim", ratio=1, no_wrap=True)
    grid.add_column(style="dim", width=12)
    grid.add_column(justify="right", width=9)
    grid.add_column(style="dim", ratio=1, no_wrap=True)
    lag = f"for {now.oldest:.1f} s" if now.oldest >= 0.5 else "not answered"
    rows = (
        ("it is", Text(_date(moment.now), "bold"), _clock(moment.now), "commits",
         f"{now.commits:,}", "transactions"),
        ("payments", f"{now.sent:,}", f"{now.sent_rate:,.0f}/s", "latency p50", _ms(now.p50),
         "sent to read"),
        ("labels", f"{now.labels:,}", f"{DELAY_DAYS} days late", "latency p99", _ms(now.p99), ""),
        ("wait for one", f"{now.waiting:,}", "payments", "lag", f"{now.lag:,}", lag),
    )  # fmt: skip
    for row in rows:
        grid.add_row(*row)
    return grid


def _lines(history: History) -> Table:
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(style="dim", width=_LABEL)
    grid.add_column(ratio=1)
    rates = history.predicted
    # What is made up for after a crash would press the usual rate flat.
    top = 2.5 * sum(rates) / len(rates) if rates else math.inf
    grid.add_row("predicted/s", Spark(rates, "green", top))
    return grid


def _metrics(seen: Seen, budget: int) -> Table:
    """What the pipeline says of itself, over the last days of which all labels are known."""
    known = [window for window in seen.windows if window["final"]][-_WINDOWS:]
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(ratio=1, no_wrap=True)
    for rival in RIVALS:
        grid.add_column(justify="right", width=13, style=COLOURS[rival])
    head = "no day has all its labels yet"
    if known:
        first, last = (_date(window["start"] // 1000) for window in (known[0], known[-1]))
        head = f"{first} to {last}, by labels"
    grid.add_row(Text(head, "bold"), *NAMES.values())
    figures = (
        ("average precision", "average_precision", "{:.2f}", False),
        (f"card precision at {budget}", "card_precision_at_k", "{:.2f}", False),
        ("money saved", "saved", "{:,.0f}", True),
    )
    for said, name, form, is_sum in figures:
        values = (_over(known, rival, name, is_sum=is_sum) for rival in RIVALS)
        shown = ("-" if value is None else form.format(value) for value in values)
        grid.add_row(Text(said, "dim"), *shown)
    return grid


def _over(windows: Sequence[Any], rival: str, name: str, *, is_sum: bool) -> float | None:
    values: list[float] = [
        window[rival][name] for window in windows if name in window.get(rival, {})
    ]
    if not values:
        return None
    return sum(values) if is_sum else sum(values) / len(values)


def _pattern(moment: Moment) -> Group:
    """Who finds the new fraud: each block is a day."""
    tallies = moment.seen.tallies
    begins, told = day_of(PATTERN_DAY), day_of(PATTERN_DAY + DELAY_DAYS)
    head = f"begins on {begins:%m-%d}, its labels come {DELAY_DAYS} days later"
    if tallies:
        when = "since" if moment.now >= _midnight(told) else "from"
        head = f"since {begins:%m-%d}, labels {when} {told:%m-%d}: its payments alerted, day by day"
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(width=_LABEL, no_wrap=True)
    grid.add_column(width=max(12, min(30, len(tallies))))
    grid.add_column(ratio=1, no_wrap=True)
    for rival in RIVALS:
        shares = [tally.share(rival) for tally in tallies]
        steps = Steps(shares, COLOURS[rival])
        grid.add_row(Text(NAMES[rival], COLOURS[rival]), steps, _found(tallies, rival))
    return Group(Text.assemble(("new fraud ", "bold"), (head, "dim"), no_wrap=True), grid)


def _found(tallies: Sequence[Tally], rival: str) -> str:
    if not tallies:
        return ""
    last, total = tallies[-1], sum(tally.caught[rival] for tally in tallies)
    payments = sum(tally.payments for tally in tallies)
    return f"{last.caught[rival]} of {last.payments} today, {total} of {payments} in all"


def _cases(seen: Seen, count: int) -> Group:
    """The latest alerts, and those whose labels came last."""
    alerts, labelled, frauds = seen.counts
    said = f"{alerts:,} so far; {frauds:,} of the {labelled:,} with a label were fraud"
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(width=_LABEL - 1, style="dim", no_wrap=True)
    grid.add_column(width=6, no_wrap=True)
    grid.add_column(width=9, justify="right", no_wrap=True)
    grid.add_column(width=4, no_wrap=True)
    grid.add_column(ratio=1, style="dim", no_wrap=True, overflow="ellipsis")
    grid.add_column(width=8, no_wrap=True)
    for case in (*seen.alerts[:count], *seen.verdicts[:count]):
        grid.add_row(*_case(case))
    return Group(Text.assemble(("alerts ", "bold"), (said, "dim"), no_wrap=True), grid)


def _case(case: Case) -> tuple[RenderableType, ...]:
    verdict = {None: Text("waits", "dim"), True: Text("fraud", "red"), False: Text("no fraud")}
    when, why = f"{_date(case.time)} {_clock(case.time)}", ", ".join(case.reasons)
    figures = f"{case.amount:,.2f}", f"{case.score:.2f}"
    return when, case.card, *figures, why, verdict[case.verdict]


def _notes(notes: Sequence[Note]) -> Table:
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(style="dim", width=_LABEL)
    grid.add_column(ratio=1)
    for note in notes:
        grid.add_row(f"{note.seconds:.1f} s", Text(note.text, "red" if note.bad else ""))
    return grid


def _progress(moment: Moment) -> str:
    if moment.state:
        return moment.state
    seconds = moment.figures.seconds
    if not moment.until:
        return f"{seconds:.0f} s, Ctrl-C ends it"
    return f"{min(seconds, moment.until):.0f} of {moment.until:.0f} s, Ctrl-C ends it sooner"


def as_line(moment: Moment) -> str:
    """A moment in one line, for where there is no terminal."""
    now = moment.figures
    line = (
        f"{now.seconds:.0f} s: {_date(moment.now)} {_clock(moment.now)}, "
        f"{now.sent:,} payments ({now.sent_rate:,.0f}/s), {now.labels:,} labels, lag {now.lag:,}, "
        f"latency p50 {_ms(now.p50)} p99 {_ms(now.p99)}, {now.commits:,} commits, "
        f"{moment.seen.counts[0]:,} alerts"
    )
    if moment.seen.tallies:
        last = moment.seen.tallies[-1]
        model, frozen = last.caught["model"], last.caught["frozen"]
        line += f", new fraud today: {model} of {last.payments} by the live model, {frozen} frozen"
    return line


def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _date(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%m-%d}"


def _clock(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M}"


def _ms(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{1000 * seconds:,.0f} ms"
