"""The drawings of the benchmarks: curves of the learners, bars of the stages, a new fraud.

python -m benchmarks learners | python -m benchmarks.plot benchmarks/learners.svg
python -m benchmarks stages | python -m benchmarks.plot benchmarks/stages.svg
python -m benchmarks pattern | python -m benchmarks.plot benchmarks/pattern.svg
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.pattern_plot import shares
from benchmarks.svg import box, curve, document, line, text

Row = Mapping[str, Any]

# Curves

PANEL, GAP_X, GAP_Y = (190, 180), 92, 72
LEFT, TOP, COLUMNS, LINE = 72, 92, 3, 14
SERIES = (
    ("river_us", "c", "River, an event at a time"),
    ("single_us", "b", "riverrun, an event at a time"),
    ("batch_us", "a", "riverrun, in batches"),
)


def curves(rows: Sequence[Row]) -> str:
    """Time an event over the number of features, log-log, a panel a learner."""
    names = list(dict.fromkeys(row["learner"] for row in rows))
    times = [row[key] for row in rows for key, *_ in SERIES if row.get(key)]
    low, high = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))
    parts = []
    for i, name in enumerate(names):
        place = _place(i)
        parts += _panel(place, name, [row for row in rows if row["learner"] == name], (low, high))
    parts += _legend(_place(len(names)))
    lines = len(names) // COLUMNS + 1
    width = LEFT + COLUMNS * (PANEL[0] + GAP_X)
    height = TOP + lines * (PANEL[1] + GAP_Y)
    return document(width, height, "Predict and learn: time an event, by features", parts)


def _place(number: int) -> tuple[float, float]:
    row, column = divmod(number, COLUMNS)
    return LEFT + column * (PANEL[0] + GAP_X), TOP + row * (PANEL[1] + GAP_Y)


def _panel(
    place: tuple[float, float], name: str, rows: Sequence[Row], decades: tuple[int, int]
) -> list[str]:
    (left, top), (width, height), (low, high) = place, PANEL, decades
    features = [row["features"] for row in rows]
    first, last = math.log10(min(features)), math.log10(max(features))

    def x(value: float) -> float:
        return left + width * (math.log10(value) - first) / max(last - first, 1e-9)

    def y(value: float) -> float:
        return top + height * (high - math.log10(value)) / (high - low)

    parts = [text(left, top - 14, name.replace("_", " "), "ink head")]
    for decade in range(low, high + 1):
        parts.append(line(left, y(10.0**decade), left + width, y(10.0**decade)))
        parts.append(text(left - 8, y(10.0**decade) + 4, time(10.0**decade), "soft small", "end"))
    parts += [
        text(x(count), top + height + 18, f"{count:,}", "soft small", "middle")
        for count in features
    ]
    ends = []
    for key, colour, _ in SERIES:
        points = [(x(row["features"]), y(row[key])) for row in rows if row.get(key)]
        if points:
            parts.append(curve(points, colour))
            ends.append((points[-1][1], [row[key] for row in rows if row.get(key)][-1]))
    return parts + _at_the_ends(left + width + 8, ends)


def _at_the_ends(x: float, ends: Sequence[tuple[float, float]]) -> list[str]:
    """The last value of each curve beside it, none over another."""
    parts, lowest = [], -math.inf
    for y, value in sorted(ends):
        lowest = max(y + 4, lowest + LINE)
        parts.append(text(x, lowest, time(value), "ink small"))
    return parts


def _legend(place: tuple[float, float]) -> list[str]:
    left, top = place
    parts = []
    for i, (_, colour, said) in enumerate(SERIES):
        y = top + 20 + 28 * i
        parts += [curve([(left, y), (left + 26, y)], colour), text(left + 36, y + 4, said)]
    return [*parts, text(left, top + 116, "across: features of an event", "soft small")]


def time(microseconds: float) -> str:
    """With two digits and a fitting unit."""
    if microseconds >= 1000.0:
        return f"{_short(microseconds / 1000.0)} ms"
    return f"{_short(microseconds)} µs"


def _short(value: float) -> str:
    return f"{value:.2g}" if value < 100 else f"{value:.0f}"


# Bars

BAR_LEFT, BAR_WIDTH, BAR_HEIGHT, BAR_GAP = 130, 640, 34, 12
STAGES = {
    "fetch": ("a", 0.45),
    "decode": ("a", 0.75),
    "features": ("a", 1.0),
    "predict_and_learn": ("b", 1.0),
    "snapshot": ("b", 0.5),
    "encode": ("c", 0.35),
    "produce": ("c", 0.55),
    "flush": ("c", 0.75),
    "offsets": ("c", 0.9),
    "commit": ("c", 1.0),
}
"""The colour and opacity of each stage: reading, learning, writing."""


def bars(rows: Sequence[Row]) -> str:
    """A stacked bar a format, and the numbers below."""
    most = max(row["total_us"] for row in rows)
    parts: list[str] = []
    for i, row in enumerate(rows):
        top = 64 + i * (BAR_HEIGHT + BAR_GAP)
        parts.append(text(BAR_LEFT - 14, top + 22, _of(row), "ink head", "end"))
        parts += _bar(row, top, BAR_WIDTH / most)
    top = 64 + len(rows) * (BAR_HEIGHT + BAR_GAP) + 22
    parts += _numbers(rows, top)
    height = top + 22 * (len(STAGES) + 1) + 16
    width = BAR_LEFT + BAR_WIDTH + 90
    return document(width, height, "Where the time of an event goes, by stage", parts)


def _bar(row: Row, top: float, scale: float) -> list[str]:
    parts, x = [], float(BAR_LEFT)
    for stage, (colour, opacity) in STAGES.items():
        width = row[f"{stage}_us"] * scale
        parts.append(box(x, top, width - 1.5, BAR_HEIGHT, colour, opacity))
        x += width
    return [*parts, text(x + 8, top + 22, f"{row['total_us']:.2f} µs", "ink head")]


def _of(row: Row) -> str:
    return f"{row['format']}, {row['clock']}"


def _numbers(rows: Sequence[Row], top: float) -> list[str]:
    columns = [BAR_LEFT + 290 + 120 * i for i in range(len(rows))]
    parts = [
        text(x, top, f"{_of(row)}, µs", "soft small", "end")
        for x, row in zip(columns, rows, strict=True)
    ]
    for i, (stage, (colour, opacity)) in enumerate(STAGES.items()):
        y = top + 22 * (i + 1)
        parts.append(box(BAR_LEFT, y - 11, 14, 14, colour, opacity))
        parts.append(text(BAR_LEFT + 24, y, stage.replace("_", " ")))
        parts += [
            text(x, y, f"{row[f'{stage}_us']:.2f}", "ink", "end")
            for x, row in zip(columns, rows, strict=True)
        ]
    return parts


def main(path: str) -> None:
    """Draw the rows on standard input."""
    rows = [json.loads(said) for said in sys.stdin]
    draw = {"learners": curves, "stages": bars, "pattern": shares}[rows[0]["benchmark"]]
    Path(path).write_text(draw(rows), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
