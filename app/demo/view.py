"""How a moment of the demo looks in a terminal."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from rich.box import ROUNDED
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from app.demo.figures import WINDOW, Figures, History

WIDEST = 108
_LABEL = 13
_BLOCKS, _ASCII = "▁▂▃▄▅▆▇█", "._-=+*#@"
_NOTES = 4


class Note(NamedTuple):
    """Something that happened, so many seconds after the first event."""

    seconds: float
    text: str
    bad: bool = False


class Notes:
    """What happened, told by any thread."""

    def __init__(self) -> None:
        self.all: list[Note] = []
        self._started: float | None = None

    @property
    def seconds(self) -> float:
        """Since the stream began; 0 before it does."""
        return 0.0 if self._started is None else time.monotonic() - self._started

    def start(self) -> None:
        """The stream begins."""
        self._started = time.monotonic()

    def add(self, text: str, *, bad: bool = False) -> None:
        """It happened now."""
        self.all.append(Note(self.seconds, text, bad))


class Moment(NamedTuple):
    """All that is shown of a moment.

    Attributes:
        source: The data set.
        learner: The type of the learner.
        figures: The numbers.
        history: Those of before.
        notes: What happened, the oldest first.
        until: Seconds after which no more is sent; 0: until Ctrl-C.
        state: What it is doing, where that is not the sending.
        links: Where more is to be seen.
    """

    source: str
    learner: str
    figures: Figures
    history: History
    notes: Sequence[Note]
    until: float
    state: str = ""
    links: Sequence[str] = ()


class Spark:
    """A line of blocks, one for each half second, as wide as there is room.

    Args:
        values: The oldest first.
        style: Its colour.
        top: The value that is as high as can be; the largest unless given.
    """

    def __init__(self, values: Sequence[float], style: str, top: float = math.inf) -> None:
        self.values, self.style, self.top = values, style, top

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        blocks = _ASCII if options.ascii_only else _BLOCKS
        shown = self.values[-options.max_width :]
        yield Text(spark(shown, blocks, self.top), self.style, no_wrap=True)


def spark(values: Sequence[float], blocks: str = _BLOCKS, top: float = math.inf) -> str:
    """Each value as the block of its height, `top` or the largest the highest; none for zero."""
    top = min(top, max(values, default=0.0))
    heights = (math.ceil(len(blocks) * min(v / top, 1)) if v > 0 else 0 for v in values)
    return "".join(f" {blocks}"[height] for height in heights)


def frame(moment: Moment) -> Panel:
    """The picture of a moment: at least 72 columns, 12 to 18 lines."""
    parts: list[RenderableType] = [_numbers(moment.figures), Text(), _lines(moment.history)]
    if moment.notes:
        parts += [Text(), _notes(moment.notes)]
    if moment.links:
        parts += [Text(), Text("   ".join(moment.links), "dim", overflow="ellipsis", no_wrap=True)]
    return Panel(
        Group(*parts),
        box=ROUNDED,
        border_style="dim",
        padding=(1, 2),
        title=Text.assemble(("riverrun", "bold"), f"  {moment.source}, {moment.learner}"),
        title_align="left",
        subtitle=Text(_progress(moment), "dim"),
        subtitle_align="right",
        width=WIDEST,
    )


def _numbers(now: Figures) -> Table:
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(style="dim", width=_LABEL - 1)
    grid.add_column(justify="right", width=9)
    grid.add_column(style="dim", ratio=1, no_wrap=True)
    grid.add_column(style="dim", width=12)
    grid.add_column(justify="right", width=9)
    grid.add_column(style="dim", ratio=1, no_wrap=True)
    waiting = f"for {now.oldest:.1f} s" if now.oldest >= 0.5 else "events"
    seen = f"last {min(now.predictions, WINDOW):,}"
    rows = (
        ("sent", _count(now.sent), _rate(now.sent_rate), "ROC AUC", _ratio(now.roc_auc), seen),
        (
            "predicted",
            _count(now.predictions),
            _rate(now.predicted_rate),
            "log loss",
            _ratio(now.log_loss),
            _passes(now.passes),
        ),
        ("learned", _count(now.learned), "events", "latency p50", _ms(now.p50), "sent to read"),
        ("lag", _count(now.lag), waiting, "latency p99", _ms(now.p99), ""),
        ("commits", _count(now.commits), "", "dead letters", _count(now.dead_letters), ""),
    )
    for row in rows:
        grid.add_row(*row)
    return grid


def _lines(history: History) -> Table:
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(style="dim", width=_LABEL - 1)
    grid.add_column(ratio=1)
    usual = median([rate for rate in history.predicted if rate] or [0.0])
    # What is made up for after a crash would press the usual rate flat.
    grid.add_row("predicted/s", Spark(history.predicted, "green", 1.5 * usual))
    grid.add_row("lag", Spark(history.lag, "yellow"))
    return grid


def _notes(notes: Sequence[Note]) -> Table:
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(style="dim", width=_LABEL - 1)
    grid.add_column(ratio=1)
    for note in notes[-_NOTES:]:
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
    return (
        f"{now.seconds:.0f} s: {now.sent:,} sent ({now.sent_rate:,.0f}/s), "
        f"{now.predictions:,} predicted ({now.predicted_rate:,.0f}/s), lag {now.lag:,}, "
        f"{now.learned:,} learned, ROC AUC {_ratio(now.roc_auc)}, "
        f"log loss {_ratio(now.log_loss)}, latency p50 {_ms(now.p50)} p99 {_ms(now.p99)}, "
        f"{now.commits:,} commits, {now.dead_letters:,} dead letters"
    )


def _passes(passes: int) -> str:
    return f"pass {passes}: known" if passes > 1 else "unseen events"


def _count(number: int) -> str:
    return f"{number:,}"


def _rate(rate: float) -> str:
    return f"{rate:,.0f}/s"


def _ratio(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"


def _ms(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{1000 * seconds:,.0f} ms"
