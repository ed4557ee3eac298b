"""Events a second, as the ratio to the loop by hand in the same run."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from benchmarks.contenders import hand_loop, riverrun, stock_faust
from benchmarks.topics import fill

ROUNDS = 3
FAUST_EVENTS = 20_000

CASES: tuple[dict[str, Any], ...] = (
    {"features": 10, "format": "json", "scale": False},
    {"features": 30, "format": "json", "scale": False},
    {"features": 15, "format": "json", "scale": True},
    {"features": 15, "format": "msgpack", "scale": True},
)


def run(bootstrap: str, *, quick: bool = False) -> Iterator[dict[str, Any]]:
    """One row a case; rivals take turns, so that both meet the same machine."""
    for case in CASES:
        count = 50_000 if quick else 300_000
        events = fill(bootstrap, case["features"], count, case["format"])
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(1 if quick else ROUNDS):
            ours.append(riverrun(bootstrap, events, scale=case["scale"]))
            theirs.append(hand_loop(bootstrap, events, scale=case["scale"]))
        ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
        yield {
            "benchmark": "throughput",
            **case,
            "riverrun": round(median(ours)),
            "hand_loop": round(median(theirs)),
            "ratio": round(median(ratios), 2),
            "ratio_min": round(min(ratios), 2),
            "ratio_max": round(max(ratios), 2),
        }
        if case == CASES[0]:
            faust = stock_faust(bootstrap, events, FAUST_EVENTS)
            ratio = faust / median(theirs)
            yield {
                "benchmark": "stock_faust",
                **case,
                "faust": round(faust),
                "ratio": round(ratio, 3),
            }
