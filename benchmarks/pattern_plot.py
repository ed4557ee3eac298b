"""Draws who finds a new fraud, day after day.

python -m benchmarks pattern | python -m benchmarks.plot benchmarks/pattern.svg
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.svg import curve, document, line, text

Row = Mapping[str, Any]

LEFT, TOP, WIDTH, HEIGHT = 60, 76, 560, 220
DELAY_DAYS = 7
SERIES = (("live", "a", "live model"), ("frozen", "b", "frozen model"), ("rule", "c", "hand rule"))


def shares(rows: Sequence[Row]) -> str:
    """The share of the new fraud's payments that were alerts, by day, a mean over the runs."""
    by_day: dict[int, list[Row]] = {}
    for row in rows:
        if row["day"] is not None:
            by_day.setdefault(row["day"], []).append(row)
    last = max(by_day)

    def x(day: float) -> float:
        return LEFT + WIDTH * day / max(last, 1)

    def y(share: float) -> float:
        return TOP + HEIGHT * (1 - share)

    parts = [text(LEFT, TOP - 16, "share of its payments that are alerts", "soft small")]
    for tenth in range(0, 11, 2):
        parts.append(line(LEFT, y(tenth / 10), LEFT + WIDTH, y(tenth / 10)))
        parts.append(text(LEFT - 10, y(tenth / 10) + 4, f"{10 * tenth} %", "soft small", "end"))
    for day in range(0, last + 1, 2):
        parts.append(text(x(day), TOP + HEIGHT + 20, f"{day}", "soft small", "middle"))
    parts.append(text(LEFT, TOP + HEIGHT + 44, "days since the new fraud began", "soft small"))
    if last > DELAY_DAYS:
        parts.append(line(x(DELAY_DAYS), TOP, x(DELAY_DAYS), TOP + HEIGHT, "c"))
        parts.append(text(x(DELAY_DAYS) + 6, TOP - 2, "its first labels come", "soft small"))
    for name, colour, said in SERIES:
        points = [(x(d), y(_mean(day, f"{name}_share"))) for d, day in sorted(by_day.items())]
        parts.append(curve(points, colour))
        parts.append(text(points[-1][0] + 10, _beside(name, points[-1][1]), said))
    title = "A new fraud: found by the model that learns, and by the one that is frozen"
    return document(LEFT + WIDTH + 120, TOP + HEIGHT + 60, title, parts)


def _mean(rows: Sequence[Row], key: str) -> float:
    return float(sum(row[key] for row in rows)) / len(rows)


def _beside(name: str, y: float) -> float:
    """Frozen and rule end near each other."""
    return y + {"live": 4.0, "frozen": -6.0, "rule": 10.0}[name]
