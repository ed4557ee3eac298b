"""Fraud with late labels, as one writes it by hand around River: dicts, and a loop.

At least once, and nothing is saved: a crash forgets the cards, the terminals, what waits for its
label, and the model. No alerts, no reasons, no metrics. The features are those of
`pipelines/fraud.toml` but the bins, which River has not.

python -m benchmarks.fraud_by_hand BOOTSTRAP EVENTS LABELS OUTPUTS
"""

from __future__ import annotations

import argparse
import uuid
from collections import defaultdict, deque
from collections.abc import Iterator
from math import inf
from typing import Any

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition
from river import linear_model, optim, preprocessing

DAY = 86_400
DELAY = 7 * DAY
THURSDAY = 3
CARD_DAYS, RATIO_DAYS = (1, 7, 30), 90
TERMINAL_DAYS = (1, 3, 7, 15, 30)

decode = msgspec.json.Decoder().decode
encode = msgspec.json.Encoder().encode


class Past:
    """Counts and sums of one card or terminal, by day.

    Args:
        days: How many it remembers.
    """

    def __init__(self, days: int) -> None:
        self._keep = days
        self._days: deque[list[float]] = deque()

    def add(self, day: int, value: float) -> None:
        """One more on a day, which is the last one or later."""
        if not self._days or self._days[-1][0] < day:
            self._days.append([day, 0, 0.0])
            while self._days[0][0] <= day - self._keep:
                self._days.popleft()
        last = self._days[-1]
        last[1] += 1
        last[2] += value

    def count_and_mean(self, day: int, days: int) -> tuple[float, float]:
        """Over so many days, with this one; 0 where there was nothing."""
        count, total = 0.0, 0.0
        for at, n, value in self._days:
            if day - days < at <= day:
                count += n
                total += value
        return count, total / count if count else 0.0


class Pasts:
    """The features of `pipelines/fraud.toml`, event by event."""

    def __init__(self) -> None:
        self._cards: dict[str, Past] = defaultdict(lambda: Past(RATIO_DAYS))
        longest = max(TERMINAL_DAYS) + DELAY // DAY
        self._terminals: dict[str, Past] = defaultdict(lambda: Past(longest))

    def features(self, event: dict[str, Any]) -> dict[str, float]:
        """What is known when the event comes; it is added to its card's past."""
        day, second = divmod(event["time"], DAY)
        amount = event["amount"]
        x = {
            "amount": amount,
            "weekend": float((day + THURSDAY) % 7 >= 5),
            "night": float(second // 3600 <= 6),
        }
        card = self._cards[event["card"]]
        card.add(day, amount)
        for days in CARD_DAYS:
            x[f"count_{days}"], x[f"mean_{days}"] = card.count_and_mean(day, days)
        _, mean = card.count_and_mean(day, RATIO_DAYS)
        x["ratio"] = amount / mean if mean else 1.0
        terminal = self._terminals[event["terminal"]]
        for days in TERMINAL_DAYS:
            name = f"terminal_{days}"
            x[f"{name}_count"], x[name] = terminal.count_and_mean(day - DELAY // DAY, days)
        return x

    def hear(self, terminal: str, day: int, fraud: bool) -> None:
        """A label became known."""
        self._terminals[terminal].add(day, fraud)


def in_time(consumers: list[Consumer], counts: list[int]) -> Iterator[tuple[bool, Any]]:
    """Events and labels by their timestamps, a label first where they are equal.

    Args:
        consumers: Of the events, and of the labels.
        counts: How many there are of each; it ends with the last event.
    """
    waiting: list[deque[Any]] = [deque(), deque()]
    while counts[0]:
        for queue, consumer, count in zip(waiting, consumers, counts, strict=True):
            while count and not queue:
                queue.extend(consumer.consume(5_000, 1.0))
        event, label = (queue[0].timestamp()[1] if queue else inf for queue in waiting)
        is_label = label <= event
        counts[is_label] -= 1
        yield is_label, waiting[is_label].popleft()


def main(said: argparse.Namespace) -> None:
    """Predict all events, and learn each when its label comes."""
    topics = (said.events, said.labels)
    consumers = [_consumer(said.bootstrap, topic) for topic in topics]
    ends = [_end(*both) for both in zip(consumers, topics, strict=True)]
    producer = Producer(
        {
            "bootstrap.servers": said.bootstrap,
            "linger.ms": 5,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    model: Any = preprocessing.StandardScaler() | linear_model.LogisticRegression(
        optim.AdaGrad(0.1)
    )
    pasts, waits = Pasts(), dict[str, tuple[int, str, dict[str, float]]]()
    for done, (is_label, message) in enumerate(in_time(consumers, ends)):
        value = decode(message.value())
        if is_label:
            time, terminal, x = waits.pop(value["id"])
            pasts.hear(terminal, time // DAY, value["fraud"])
            if value["source"] == "learned":
                model.learn_one(x, value["fraud"])
        else:
            x = pasts.features(value)
            score = model.predict_proba_one(x).get(True, 0.0)
            waits[value["id"]] = value["time"], value["terminal"], x
            said_of = encode({"id": value["id"], "score": score})
            producer.produce(said.outputs, said_of, message.key())
        if done % 1_000 == 0:
            producer.poll(0)
    producer.flush()
    for consumer in consumers:
        consumer.close()


def _consumer(bootstrap: str, topic: str) -> Consumer:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"hand-{uuid.uuid4().hex}",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe([topic])
    return consumer


def _end(consumer: Consumer, topic: str) -> int:
    end: int = consumer.get_watermark_offsets(TopicPartition(topic, 0), 30.0)[1]
    return end


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("bootstrap", "events", "labels", "outputs"):
        parser.add_argument(name)
    main(parser.parse_args())
