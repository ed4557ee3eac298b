"""Events a second, as the ratio to the hand-written loop in the same run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any

from benchmarks.contenders import hand_loop, riverrun, stock_faust
from benchmarks.experts import has_java, kafka_streams, numba_loop
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
    """One row a case; contenders take turns, so that both meet the same machine."""
    for case in CASES:
        count = 50_000 if quick else 300_000
        events = fill(bootstrap, case["features"], count, case["format"])
        rates: defaultdict[str, list[float]] = defaultdict(list)
        for _ in range(1 if quick else ROUNDS):
            for who, measure in _contenders(case).items():
                rates[who].append(measure(bootstrap, events, scale=case["scale"]))
        yield {"benchmark": "throughput", **case, **compared(rates)}
        if case == CASES[0]:
            faust = stock_faust(bootstrap, events, FAUST_EVENTS)
            ratio = faust / median(rates["hand_loop"])
            yield {
                "benchmark": "stock_faust",
                **case,
                "faust": round(faust),
                "ratio": round(ratio, 3),
            }


def _contenders(case: dict[str, Any]) -> dict[str, Callable[..., float]]:
    """Who runs: with a scaler also the hand-written loop that promises what riverrun does.

    Kafka Streams reads JSON, and is left out where no JDK and Maven are.
    """
    contenders: dict[str, Callable[..., float]] = {"riverrun": riverrun, "hand_loop": hand_loop}
    if case["scale"]:
        contenders["hand_loop_exactly_once"] = partial(hand_loop, exactly_once=True)
    contenders["numba_loop"] = numba_loop
    if case["format"] == "json" and has_java():
        contenders["kafka_streams"] = kafka_streams
    return contenders


def compared(rates: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """The medians, and riverrun's ratio to each of the others: its median, least and largest."""
    row: dict[str, Any] = {who: round(median(each)) for who, each in rates.items()}
    for who, theirs in rates.items():
        if who != "riverrun":
            name = f"ratio_{who}".replace("_hand_loop", "")
            ratios = [a / b for a, b in zip(rates["riverrun"], theirs, strict=True)]
            row[name] = round(median(ratios), 2)
            row[f"{name}_min"] = round(min(ratios), 2)
            row[f"{name}_max"] = round(max(ratios), 2)
    return row
