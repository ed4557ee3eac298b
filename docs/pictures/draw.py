"""Draws the pictures of the docs, each for a light and for a dark page.

python docs/pictures/draw.py
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from runpy import run_path
from xml.sax.saxutils import escape

HERE = Path(__file__).parent
FONT = "ui-sans-serif, -apple-system, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif"


@dataclass(frozen=True)
class Theme:
    """Colours of one kind of page."""

    ink: str
    soft: str
    line: str
    box: str
    kafka: str
    kafka_line: str
    inside: str
    inside_line: str
    restore: str
    fail: str
    page: str
    faint: str


THEMES = {
    "light": Theme(
        "#1f2328", "#59636e", "#8c959f", "#f6f8fa",
        "#ddf4ff", "#54aeff", "#fff8c5", "#d4a72c", "#8250df", "#cf222e", "#ffffff",
        "#d1d9e0",
    ),
    "dark": Theme(
        "#e6edf3", "#9198a1", "#6e7681", "#161b22",
        "#0c2d48", "#388bfd", "#2e2a12", "#bb8009", "#bc8cff", "#ff7b72", "#0d1117",
        "#30363d",
    ),
}  # fmt: skip


class Picture:
    """Shapes of one picture, drawn in the order in which they are added."""

    def __init__(self, width: int, height: int, theme: Theme, says: str) -> None:
        self.theme = theme
        self._head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img" font-family="{FONT}">\n'
            f"<title>{escape(says)}</title>\n"
        )
        self._shapes: list[str] = []

    def box(
        self, x: float, y: float, w: float, h: float, fill: str, line: str, dash: str = ""
    ) -> None:
        """A rectangle with round corners."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._shapes.append(
            f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="8" fill="{fill}" '
            f'stroke="{line}" stroke-width="1.4"{dashed}/>'
        )

    def text(
        self, x: float, y: float, said: str, *, size: float = 13, color: str = "",
        anchor: str = "middle", bold: bool = False,
    ) -> None:  # fmt: skip
        """A line of text; `y` is its base line."""
        weight = ' font-weight="600"' if bold else ""
        self._shapes.append(
            f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" '
            f'fill="{color or self.theme.ink}"{weight}>{escape(said)}</text>'
        )

    def path(self, points: list[tuple[float, float]], color: str = "", dash: str = "") -> None:
        """A line through points, without a head."""
        said = " ".join(f"{x},{y}" for x, y in points)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._shapes.append(
            f'<polyline points="{said}" fill="none" stroke="{color or self.theme.line}" '
            f'stroke-width="1.6" stroke-linejoin="round"{dashed}/>'
        )

    def arrow(self, points: list[tuple[float, float]], color: str = "", dash: str = "") -> None:
        """A line through points that ends in a head; its last part is level or upright."""
        self.path(points, color, dash)
        (ax, ay), (bx, by) = points[-2], points[-1]
        dx, dy = (bx > ax) - (bx < ax), (by > ay) - (by < ay)
        left = (bx - 8 * dx - 4.5 * dy, by - 8 * dy - 4.5 * dx)
        right = (bx - 8 * dx + 4.5 * dy, by - 8 * dy + 4.5 * dx)
        corners = " ".join(f"{x},{y}" for x, y in ((bx, by), left, right))
        self._shapes.append(f'<polygon points="{corners}" fill="{color or self.theme.line}"/>')

    def number(self, x: float, y: float, said: str, color: str) -> None:
        """A number in a disc."""
        self._shapes.append(f'<circle cx="{x}" cy="{y}" r="9.5" fill="{color}"/>')
        self.text(x, y + 4.3, said, size=12, color=self.theme.page, bold=True)

    def topic(self, x: float, y: float, w: float, name: str, what: str) -> None:
        """A topic on Kafka: a name and a line about it."""
        theme = self.theme
        self.box(x, y, w, 46, theme.kafka, theme.kafka_line)
        self.text(x + w / 2, y + 20, name, bold=True)
        self.text(x + w / 2, y + 37, what, size=11.5, color=theme.soft)

    def __str__(self) -> str:
        return self._head + "\n".join(self._shapes) + "\n</svg>\n"


def flow(theme: Theme) -> Picture:
    """The way of an event."""
    p = Picture(
        860, 306, theme,
        "Events and labels go through a worker, which scores and learns; predictions, alerts, "
        "metrics, dead letters, the state and the offsets are written in one Kafka transaction.",
    )  # fmt: skip
    p.topic(12, 76, 150, "events", "a topic of yours")
    p.topic(12, 158, 150, "labels", "where they come later")
    p.box(212, 34, 236, 204, theme.box, theme.line)
    p.text(330, 58, "worker", bold=True, size=14)
    p.text(330, 75, "one state for each partition", size=11.5, color=theme.soft)
    steps = ("decode, check, add the past", "predict, decide", "learn, with its label")
    for y, name in zip((92, 138, 184), steps, strict=True):
        p.box(230, y, 200, 32, theme.inside, theme.inside_line)
        p.text(330, y + 20.5, name)
    p.arrow([(330, 124), (330, 138)])
    p.arrow([(330, 170), (330, 184)])
    p.arrow([(162, 99), (212, 99)])
    p.arrow([(162, 181), (212, 181)])

    p.box(504, 12, 344, 236, "none", theme.kafka_line, dash="6 5")
    p.text(676, 36, "one Kafka transaction", bold=True, size=14)
    outputs = (
        ("predictions", "one for each event"),
        ("alerts", "within a budget a day"),
        ("metrics", "how good it was"),
        ("dead letters", "what was of no use"),
        ("state", "model, past, what waits"),
        ("offsets", "of what is done"),
    )
    for i, (name, what) in enumerate(outputs):
        p.topic(520 + 160 * (i % 2), 52 + 62 * (i // 2), 152, name, what)
    p.arrow([(448, 137), (504, 137)])
    p.path([(676, 248), (676, 280), (330, 280)], theme.restore, "5 4")
    p.arrow([(330, 280), (330, 238)], theme.restore, "5 4")
    p.text(
        503, 273, "restore: at start, after a crash, on a rebalance",
        size=12, color=theme.restore,
    )  # fmt: skip
    return p


def stages(theme: Theme) -> Picture:
    """The way of an event with late labels through two stages."""
    p = Picture(
        860, 472, theme,
        "Events and labels are merged by time. The stage by card joins them and adds the past of "
        "the card; an inner topic leads to the stage by terminal, which adds the past of the "
        "terminal, scores and learns. All that is written is in one Kafka transaction.",
    )  # fmt: skip
    p.topic(12, 62, 142, "events", "keyed by the card")
    p.topic(12, 148, 142, "labels", "keyed by the card")
    p.box(196, 12, 652, 216, theme.box, theme.line)
    p.text(522, 36, "worker", bold=True, size=14)
    _stage(
        p, 214, "stage by card",
        ("merge by time", "labels find their events", "add the past of the card"),
    )  # fmt: skip
    _stage(
        p, 588, "stage by terminal",
        ("add the past of the terminal", "predict, decide, judge", "learn, when a label comes"),
    )  # fmt: skip
    p.arrow([(154, 85), (214, 85)])
    p.arrow([(154, 171), (214, 171)])

    p.box(196, 258, 652, 200, "none", theme.kafka_line, dash="6 5")
    p.text(522, 448, "one Kafka transaction", bold=True, size=14)
    p.topic(214, 290, 172, "state by card", "past, labels to come")
    p.topic(434, 290, 176, "by-terminal", "the topic between")
    p.topic(658, 290, 172, "state by terminal", "past, model, rows that wait")
    p.arrow([(300, 214), (300, 290)])
    p.arrow([(446, 214), (446, 290)])
    p.arrow([(598, 290), (598, 214)])
    p.text(522, 249, "once committed", size=11.5, color=theme.soft)
    p.arrow([(744, 214), (744, 290)])
    outputs = (
        ("offsets", "of all inputs"),
        ("dead letters", "of no use"),
        ("predictions", "one an event"),
        ("alerts", "one a card a day"),
        ("metrics", "one a window"),
    )
    ends = [214 + 125 * i + 58 for i in range(len(outputs))]
    p.path([(410, 214), (410, 360)])
    p.path([(634, 214), (634, 360)])
    p.path([(ends[0], 360), (ends[-1], 360)])
    for x, (name, what) in zip(ends, outputs, strict=True):
        p.arrow([(x, 360), (x, 382)])
        p.topic(x - 58, 382, 116, name, what)
    return p


def _stage(p: Picture, x: float, name: str, steps: tuple[str, ...]) -> None:
    """A stage in the worker: what it does, from above to below."""
    theme = p.theme
    p.box(x, 44, 242, 170, theme.page, theme.line)
    p.text(x + 121, 66, name, bold=True)
    for i, step in enumerate(steps):
        y = 78 + 45 * i
        p.box(x + 16, y, 210, 32, theme.inside, theme.inside_line)
        p.text(x + 121, y + 20.5, step)
        if i:
            p.arrow([(x + 121, y - 13), (x + 121, y)])


LANES = ("events", "worker", "output topics", "state topic", "group's offsets")
X = (90, 270, 445, 610, 765)


def protocol(theme: Theme) -> Picture:
    """The commit in five steps and the restore in four, as messages between lanes."""
    p = Picture(
        860, 700, theme,
        "The commit: begin, predictions and other outputs, state, offsets, commit. The restore: "
        "committed offsets, end of the state, the state past that end, both must agree.",
    )  # fmt: skip
    events, worker, outputs, state, offsets = X
    for x, name in zip(X, LANES, strict=True):
        own = x == worker
        fill, line = (theme.inside, theme.inside_line) if own else (theme.kafka, theme.kafka_line)
        p.box(x - 66, 10, 132, 40, fill, line)
        p.text(x, 35, name, bold=True)
        p.path([(x, 50), (x, 690)], theme.faint, "2 4")

    def say(y: float, said: str, *, color: str = "", bold: bool = False) -> None:
        p.text(worker + 14, y, said, anchor="start", size=12.5, color=color, bold=bold)

    def step(y: float, number: str, to: float, said: str, color: str = "") -> None:
        ink = color or theme.ink
        inward = bool(color) and to != worker
        ends = [(to, y), (worker, y)] if inward else [(worker, y), (to, y)]
        if to != worker:
            p.arrow(ends, color or theme.line)
        p.number(worker - 18, y, number, ink)
        above = 4 if to == worker else -7
        say(y + above, said, color=ink)

    p.arrow([(events, 84), (worker, 84)])
    p.text(180, 77, "a batch", size=12.5)
    say(88, "predict, then learn: in memory, nothing is written yet", color=theme.soft)

    p.box(180, 104, 668, 202, "none", theme.kafka_line, dash="6 5")
    p.text(840, 123, "commit", anchor="end", bold=True, size=14)
    step(132, "1", worker, "begin")
    step(176, "2", outputs, "predictions, alerts …")
    step(214, "3", state, "what changed, and up to where it has learned")
    step(252, "4", offsets, "the input's offsets, with the generation of the group")
    step(286, "5", worker, "commit: all of it becomes visible, or nothing")

    p.box(180, 326, 668, 92, "none", theme.fail, dash="6 5")
    say(349, "kill -9, a lost broker, a partition taken away …", color=theme.fail, bold=True)
    say(370, "Before 5: Kafka rolls back; readers of committed records never see it.")
    say(388, "After 5: it stands. There is no third case.")
    say(406, "Whoever comes back with an old generation is refused at 4.")
    p.path([(worker - 8, 364), (worker + 8, 380)], theme.fail)
    p.path([(worker - 8, 380), (worker + 8, 364)], theme.fail)

    p.box(180, 438, 668, 200, "none", theme.restore, dash="6 5")
    p.text(840, 457, "restore", anchor="end", bold=True, size=14, color=theme.restore)
    restore = theme.restore
    step(480, "1", offsets, "committed offsets, stable: no transaction is open on them", restore)
    step(520, "2", state, "the end of the partition, read uncommitted", restore)
    step(560, "3", state, "the state, read committed, past that end", restore)
    step(600, "4", worker, "the state's own offset must be the committed one", restore)
    say(620, "else refuse: RestoreRefused", color=theme.soft)
    p.arrow([(events, 668), (worker, 668)])
    say(672, "read on from that offset", color=theme.soft)
    return p


def history(theme: Theme) -> Picture:
    """History and stream, and the cut between them."""
    drawn = run_path(str(HERE / "history.py"))
    p = Picture(*drawn["SIZE"], theme, drawn["SAYS"])
    drawn["draw"](p, theme)
    return p


PICTURES = {"flow": flow, "stages": stages, "protocol": protocol, "history": history}


def drawings() -> dict[str, str]:
    """File name to content of every picture."""
    return {
        f"{name}-{theme}.svg": str(draw(THEMES[theme]))
        for name, draw in PICTURES.items()
        for theme in THEMES
    }


if __name__ == "__main__":
    for file, content in drawings().items():
        (HERE / file).write_text(content)
