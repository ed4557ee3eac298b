"""This checkout beside another one: events a second, in turns on the same topics.

python -m benchmarks.before_and_after CHECKOUT [--rounds 3]

Both run with the packages of this one.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median

from app.local_kafka import LocalKafka
from benchmarks.contenders import riverrun
from benchmarks.throughput import CASES
from benchmarks.topics import fill

EVENTS = 400_000
WARM_UP = 5_000
"""Events, for both to compile."""


def main() -> None:
    """Print a JSON line a case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    said = parser.parse_args()
    other = said.checkout.resolve()
    with LocalKafka() as kafka:
        for case in CASES:
            features, format, scale = case["features"], case["format"], case["scale"]
            events = fill(kafka.bootstrap, features, WARM_UP, format)
            for checkout in (None, other):
                riverrun(kafka.bootstrap, events, scale=scale, checkout=checkout)
            events = fill(kafka.bootstrap, features, EVENTS, format)
            pairs = [
                tuple(
                    riverrun(kafka.bootstrap, events, scale=scale, checkout=checkout)
                    for checkout in (None, other)
                )
                for _ in range(said.rounds)
            ]
            ratios = [here / there for here, there in pairs]
            rates = {"here": [round(a) for a, _ in pairs], "there": [round(b) for _, b in pairs]}
            print(json.dumps({**case, **rates, "ratio": round(median(ratios), 3)}), flush=True)


if __name__ == "__main__":
    main()
