"""The pipelines of the suite: a plain one, and a rich one with late labels and two stages."""

from __future__ import annotations

import heapq
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from app.kafka.admin import ensure_topics
from app.kafka.settings import KafkaSettings
from app.pipeline.load import load_pipeline
from tests.kafka.running import Stream
from tests.kafka.support import create_topic

START = 1_699_920_000_000
"""Milliseconds: the first timestamp of every stream; a midnight (UTC)."""

PLAIN = """\
name = "{name}"
[events]
topic = "{name}.events.v1"
id = "id"
features = ["x0", "x1", "x2"]
{head}
[predictions]
topic = "{name}.predictions.v1"
[topics]
partitions = {partitions}
retention = "forever"
{more}
"""
PLAIN_LEARNER = """\
[learner]
type = "passive_aggressive"
C = 0.01
scale = true
"""

RICH = """\
name = "{name}"
[events]
topic = "{name}.events.v1"
id = "id"
key = "card"
[labels]
topic = "{name}.labels.v1"
label = "y"
expire = "8d"
max_idle = "8s"
[predictions]
topic = "{name}.predictions.v1"
[topics]
partitions = {partitions}
retention = "forever"
[[entities]]
field = "card"
features = ["count", "mean(amount)"]
windows = ["1d", "7d"]
[[entities]]
field = "shop"
source = "labels"
delay = "1d"
features = ["count", "mean(y)"]
windows = ["1d", "7d"]
[decisions]
topic = "{name}.alerts.v1"
budget = 20
per = "1d"
entity = "card"
[metrics]
topic = "{name}.metrics.v1"
entity = "card"
{more}
"""
RICH_LEARNER = """\
[learner]
type = "logistic_regression"
scale = true
"""

POISON: tuple[bytes | None, ...] = (
    b"no json",
    b"{",
    b"[1, 2]",
    b"",
    None,
    b'{"id": "without-x2", "y": true, "x0": 1.0, "x1": 2.0}',
    b'{"id": "text", "y": true, "x0": "one", "x1": 2.0, "x2": 0.5}',
    b'{"id": "label", "y": "perhaps", "x0": 1.0, "x1": 2.0, "x2": 0.5}',
    b'{"id": "null", "y": true, "x0": null, "x1": 2.0, "x2": 0.5}',
    b"\xff\xfe",
    b"[" * 200,
)
"""Values that can never be an event of the plain pipeline; each becomes a dead letter."""


class ToSend(NamedTuple):
    """A record that is to be written."""

    topic: str
    partition: int
    time: int
    key: bytes | None
    value: bytes | None


@dataclass
class Case:
    """A pipeline with its topics, and how its input is made.

    Attributes:
        stream: The pipeline on a broker.
        partitions: Of each input topic.
        seed: Of the input.
        poison: The share of plain events that cannot be used.
        rich: Whether labels come late and events go through two stages.
        size: Bytes of a further field of each plain event.
        keys: How many keys plain records have; 0 for one each.
        waiting: Whether plain events wait for labels, of which few come.
    """

    stream: Stream
    partitions: int
    seed: int
    poison: float = 0.02
    rich: bool = False
    size: int = 0
    keys: int = 0
    waiting: bool = False

    def records(self) -> Iterator[ToSend]:
        """The input without an end, in the order of time."""
        return self._rich() if self.rich else self._plain()

    def _plain(self) -> Iterator[ToSend]:
        draw, topic = random.Random(self.seed), self.stream.pipeline.events.topic
        padding = {"note": "x" * self.size} if self.size else {}
        number = 0
        while True:
            for partition in range(self.partitions):
                number += 1
                key = f"{partition}-{number % self.keys if self.keys else number}".encode()
                time = START + number
                if draw.random() < self.poison:
                    yield ToSend(topic, partition, time, key, draw.choice(POISON))
                    continue
                x = [draw.gauss(0.0, 1.0) for _ in range(3)]
                y = x[0] - 0.5 * x[1] + draw.gauss(0.0, 0.3) > 0
                event = {"id": f"e{number}", "y": y, **padding}
                event |= {f"x{i}": value for i, value in enumerate(x)}
                if self.waiting:
                    yield from self._label_of_tenth(event, partition, time, key)
                yield ToSend(topic, partition, time, key, json.dumps(event).encode())

    def _label_of_tenth(
        self, event: dict[str, Any], partition: int, time: int, key: bytes
    ) -> Iterator[ToSend]:
        """The label of one event in ten, which it loses."""
        assert self.stream.pipeline.labels is not None
        value = {"id": event["id"], "y": event.pop("y")}
        if event["id"].endswith("7"):
            data = json.dumps(value).encode()
            yield ToSend(self.stream.pipeline.labels.topic, partition, time, key, data)

    def _rich(self) -> Iterator[ToSend]:
        """Payments, one every 400 s, and their labels a day and a half later."""
        assert self.stream.pipeline.labels is not None
        draw = random.Random(self.seed)
        events, labels = self.stream.pipeline.events.topic, self.stream.pipeline.labels.topic
        late: list[tuple[int, int, ToSend]] = []
        number = 0
        while True:
            number += 1
            time = START + number * 400_000
            while late and late[0][0] <= time:
                yield heapq.heappop(late)[2]
            card, shop = draw.randrange(40), draw.randrange(12)
            amount, partition = round(draw.expovariate(0.02), 2), card % self.partitions
            key = f"card-{card}".encode()
            event = {"id": f"p{number}", "card": card, "shop": shop, "amount": amount}
            if draw.random() < self.poison:
                del event["shop"]
            yield ToSend(events, partition, time, key, json.dumps(event).encode())
            if draw.random() < 0.9:
                y = amount + draw.gauss(0, 20) + 5 * shop > 90
                due = time + 130_000_000 + draw.randrange(0, 20_000_000)
                value = json.dumps({"id": f"p{number}", "y": y}).encode()
                heapq.heappush(late, (due, number, ToSend(labels, partition, due, key, value)))


def plain(
    bootstrap: str,
    folder: Path,
    name: str,
    seed: int,
    *,
    partitions: int = 2,
    head: str = "",
    more: str = "",
    learner: str = PLAIN_LEARNER,
    replication: int = 1,
    **how: Any,
) -> Case:
    """A plain pipeline: the label comes with the event.

    `head` are lines of its table of events, `more` are tables of its file.
    """
    late = how.get("waiting", False)
    head += "" if late else '\nlabel = "y"'
    more += f'\n[labels]\ntopic = "{name}.labels.v1"\nlabel = "y"\nexpire = "8d"' if late else ""
    text = PLAIN.format(name=name, partitions=partitions, head=head, more=learner + more)
    return _case(bootstrap, folder, name, seed, text, partitions, replication, how)


def rich(
    bootstrap: str,
    folder: Path,
    name: str,
    seed: int,
    *,
    partitions: int = 2,
    more: str = "",
    learner: str = RICH_LEARNER,
    replication: int = 1,
    **how: Any,
) -> Case:
    """A rich pipeline: labels come late, two stages, alerts within a budget, metrics."""
    text = RICH.format(name=name, partitions=partitions, more=learner + more)
    return _case(bootstrap, folder, name, seed, text, partitions, replication, how | {"rich": True})


def _case(
    bootstrap: str,
    folder: Path,
    name: str,
    seed: int,
    text: str,
    partitions: int,
    replication: int,
    how: dict[str, Any],
) -> Case:
    file = folder / f"{name}.toml"
    file.write_text(text.replace("[topics]", f"[topics]\nreplication = {replication}"))
    pipeline = load_pipeline(file)
    config = how.pop("topic", {})
    if config:
        create_topic(bootstrap, pipeline.events.topic, partitions, **config)
    ensure_topics(pipeline, KafkaSettings(bootstrap, {}))
    return Case(Stream(bootstrap, file, pipeline), partitions, seed, **how)
