"""The picture of history, stream and cut; drawn by `draw.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from draw import Picture, Theme

SIZE = 860, 352
CUT = 452
"""Where the cut stands."""
SAYS = (
    "Files hold the history of events and labels up to the cut; riverrun train learns them in one "
    "order or in parts, compares the overlap with the topics, and commits model, state and offsets "
    "in one transaction. From the cut on the workers read the topics: nothing twice, nothing left "
    "out."
)


def draw(p: Picture, theme: Theme) -> None:
    """Time goes to the right; what is learned goes down."""
    _time(p, theme)
    p.box(20, 56, CUT - 20, 46, theme.box, theme.line)
    p.text(210, 76, "files: years of events and labels", bold=True)
    p.text(210, 93, "CSV, JSON lines, Parquet, Delta, Iceberg", size=11.5, color=theme.soft)
    p.topic(332, 116, 508, "events and labels on Kafka", "")
    p.text(586, 153, "may have all of it, a part, or nothing", size=11.5, color=theme.soft)
    _overlap(p, theme)
    p.box(20, 196, 286, 84, theme.inside, theme.inside_line)
    p.text(163, 216, "riverrun train", bold=True, size=14)
    p.text(163, 236, "the agents of a worker: one order,")
    p.text(163, 253, "--workers N processes, or")
    p.text(163, 270, "--spark: parts by keys, mixed at marks")
    p.arrow([(163, 102), (163, 196)])
    p.topic(332, 302, 240, "NAME.state.v1", "model, pasts, what waits, offsets")
    p.arrow([(163, 280), (163, 325), (332, 325)], theme.restore)
    p.text(240, 318, "one transaction", size=11.5, color=theme.restore)
    p.box(600, 196, 112, 84, theme.inside, theme.inside_line)
    p.text(656, 235, "workers", bold=True, size=14)
    p.text(656, 253, "from the cut on", size=11.5, color=theme.soft)
    p.arrow([(656, 162), (656, 196)])
    p.arrow([(572, 325), (656, 325), (656, 280)], theme.restore)
    p.topic(736, 215, 104, "predictions", "of the stream")
    p.arrow([(712, 238), (736, 238)])


def _time(p: Picture, theme: Theme) -> None:
    p.arrow([(20, 40), (844, 40)], theme.line)
    p.text(842, 30, "time", size=11.5, color=theme.soft, anchor="end")
    p.text(210, 30, "history", bold=True, size=14)
    p.text(640, 30, "stream", bold=True, size=14)
    p.path([(CUT, 16), (CUT, 190)], theme.fail, "5 4")
    p.text(CUT, 12, "the cut", bold=True, color=theme.fail)


def _overlap(p: Picture, theme: Theme) -> None:
    """The part that both have: learned both ways."""
    p.box(332, 48, CUT - 332, 122, "none", theme.restore, dash="6 5")
    p.arrow([(392, 170), (392, 186), (380, 186), (380, 214)], theme.restore)
    p.text(420, 232, "--overlap: features and", size=11.5, color=theme.restore)
    p.text(420, 248, "scores both ways, compared;", size=11.5, color=theme.restore)
    p.text(420, 264, "beyond --bound refused", size=11.5, color=theme.restore)
