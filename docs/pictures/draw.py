"""Draws the pictures of the docs, each for a light and for a dark page.

python docs/pictures/draw.py
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
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
        860, 330, theme,
        "Events go through a worker, which scores and learns them; predictions, dead letters, "
        "the model and the offsets are written in one Kafka transaction.",
    )  # fmt: skip
    p.topic(12, 120, 150, "events", "a topic of yours")
    p.box(220, 48, 244, 190, theme.box, theme.line)
    p.text(342, 72, "worker", bold=True, size=14)
    p.text(342, 89, "one state for each partition", size=11.5, color=theme.soft)
    for y, name in ((104, "decode and check"), (147, "predict"), (190, "learn, if it has a label")):
        p.box(242, y, 200, 32, theme.inside, theme.inside_line)
        p.text(342, y + 20.5, name)
    p.arrow([(342, 136), (342, 147)])
    p.arrow([(342, 179), (342, 190)])
    p.arrow([(162, 143), (220, 143)])
    p.text(191, 134, "batches", size=11.5, color=theme.soft)

    p.box(520, 12, 328, 262, "none", theme.kafka_line, dash="6 5")
    p.text(684, 34, "one Kafka transaction", bold=True, size=14)
    rows = (
        ("predictions", "one for each event"),
        ("dead letters", "what could not be used, and why"),
        ("state", "the model, on a compacted topic"),
        ("offsets", "of the consumer group"),
    )
    for i, (name, what) in enumerate(rows):
        y = 46 + 56 * i
        p.topic(580, y, 252, name, what)
        p.path([(464, 143), (548, 143), (548, y + 23)])
        p.arrow([(548, y + 23), (580, y + 23)])
    p.path([(684, 274), (684, 306), (342, 306)], theme.restore, "5 4")
    p.arrow([(342, 306), (342, 238)], theme.restore, "5 4")
    p.text(
        513, 299, "restore: at start, after a crash, on a rebalance",
        size=12, color=theme.restore,
    )  # fmt: skip
    return p


LANES = ("events", "worker", "predictions,", "state topic", "group's offsets")
X = (90, 270, 445, 610, 765)


def protocol(theme: Theme) -> Picture:
    """The commit in five steps and the restore in four, as messages between lanes."""
    p = Picture(
        860, 700, theme,
        "The commit: begin, predictions and dead letters, state, offsets, commit. The restore: "
        "committed offsets, end of the state, the state past that end, both must agree.",
    )  # fmt: skip
    events, worker, outputs, state, offsets = X
    for x, name in zip(X, LANES, strict=True):
        own = x == worker
        fill, line = (theme.inside, theme.inside_line) if own else (theme.kafka, theme.kafka_line)
        p.box(x - 66, 10, 132, 40, fill, line)
        p.text(x, 27 if x == outputs else 35, name, bold=True)
        p.path([(x, 50), (x, 690)], theme.faint, "2 4")
    p.text(outputs, 43, "dead letters", bold=True)

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
    step(176, "2", outputs, "predictions and dead letters")
    step(214, "3", state, "the model, and up to where it has learned")
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


PICTURES = {"flow": flow, "protocol": protocol}


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
