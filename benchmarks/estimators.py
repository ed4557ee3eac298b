"""River's own estimators, by their names: a worker beside the hand-written loop."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from river.datasets import synth

from benchmarks.contenders import hand_loop, riverrun
from benchmarks.throughput import compared
from benchmarks.topics import ENCODERS, Events, create, send

ESTIMATORS = ("river.tree.HoeffdingTreeClassifier", "river.naive_bayes.GaussianNB")
COUNT = 150_000
ROUNDS = 3


def run(bootstrap: str, *, quick: bool = False) -> Iterator[dict[str, Any]]:
    """Events a second over Agrawal's stream (1993), JSON; both in turns."""
    events = agrawal(bootstrap, 5_000 if quick else COUNT)
    for estimator in ESTIMATORS:
        rates: defaultdict[str, list[float]] = defaultdict(list)
        for _ in range(1 if quick else ROUNDS):
            rates["riverrun"].append(riverrun(bootstrap, events, estimator=estimator))
            rates["hand_loop"].append(hand_loop(bootstrap, events, estimator=estimator))
        yield {"benchmark": "estimators", "estimator": estimator, **compared(rates)}


def agrawal(bootstrap: str, count: int) -> Events:
    """A topic with the first so many events of the stream."""
    topic, rows = create(bootstrap, "agrawal"), synth.Agrawal(seed=1)
    encode, names = ENCODERS["json"], tuple(next(iter(rows))[0])
    each = enumerate(rows.take(count))
    send(bootstrap, topic, (encode({"id": i, "label": bool(y), **x}) for i, (x, y) in each))
    return Events(topic, "json", names, count)
