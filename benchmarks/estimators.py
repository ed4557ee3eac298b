"""River's own estimators, by their names: a worker beside the hand-written loop."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator
from statistics import median
from typing import Any

from confluent_kafka import Producer
from river.datasets import synth

from benchmarks.contenders import hand_loop, riverrun
from benchmarks.topics import ENCODERS, Events, create

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
        ratios = [a / b for a, b in zip(rates["riverrun"], rates["hand_loop"], strict=True)]
        yield {
            "benchmark": "estimators",
            "estimator": estimator,
            **{who: round(median(each)) for who, each in rates.items()},
            "ratio": round(median(ratios), 2),
            "ratio_min": round(min(ratios), 2),
            "ratio_max": round(max(ratios), 2),
        }


def agrawal(bootstrap: str, count: int) -> Events:
    """A topic with the first so many events of the stream."""
    topic = create(bootstrap, f"agrawal-{uuid.uuid4().hex[:8]}")
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20})
    names: tuple[str, ...] = ()
    for i, (x, y) in enumerate(synth.Agrawal(seed=1).take(count)):
        names = tuple(x)
        value = ENCODERS["json"]({"id": i, "label": bool(y), **x})
        while True:
            try:
                producer.produce(topic, value, b"%d" % i)
                break
            except BufferError:
                producer.poll(0.05)
    producer.flush()
    return Events(topic, "json", names, count)
