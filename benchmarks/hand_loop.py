"""The loop that one writes by hand: consume, River, produce.

At least once, and nothing is saved; with a topic for the model exactly once: outputs, offsets
and the pickled model are committed together every 100 ms.

python -m benchmarks.hand_loop BOOTSTRAP EVENTS OUTPUTS FORMAT COUNT [--scale] [--state TOPIC]
    [--estimator NAME]
"""

from __future__ import annotations

import argparse
import importlib
import pickle
import time
import uuid
from typing import Any

import msgspec
from confluent_kafka import Consumer, Producer
from river import linear_model, preprocessing

COMMIT_SECONDS = 0.1


class Plain:
    """A producer, and no commits.

    Args:
        config: librdkafka's settings.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self.producer = Producer(config)

    def batch_done(self, model: Any, consumer: Consumer) -> None:
        """Let librdkafka tell what it has sent."""
        self.producer.poll(0)

    def close(self, model: Any, consumer: Consumer) -> None:
        """Send the rest."""
        self.producer.flush()


class Transactional:
    """A producer whose outputs become visible with the model and the offsets.

    Args:
        config: librdkafka's settings.
        state: The topic for the model.
    """

    def __init__(self, config: dict[str, Any], state: str) -> None:
        self.producer = Producer({**config, "transactional.id": f"hand-{uuid.uuid4().hex}"})
        self._state = state
        self.producer.init_transactions()
        self._begin()

    def batch_done(self, model: Any, consumer: Consumer) -> None:
        """Commit where it is time to."""
        if time.monotonic() >= self._due:
            self._commit(model, consumer)
            self._begin()

    def close(self, model: Any, consumer: Consumer) -> None:
        """Commit the rest."""
        self._commit(model, consumer)

    def _begin(self) -> None:
        self.producer.begin_transaction()
        self._due = time.monotonic() + COMMIT_SECONDS

    def _commit(self, model: Any, consumer: Consumer) -> None:
        self.producer.produce(self._state, pickle.dumps(model), b"model")
        self.producer.send_offsets_to_transaction(
            consumer.position(consumer.assignment()), consumer.consumer_group_metadata()
        )
        self.producer.commit_transaction()


def main(said: argparse.Namespace) -> None:
    """Predict and learn so many events."""
    model: Any = linear_model.PAClassifier(C=0.01)
    if said.estimator:
        module, _, name = said.estimator.rpartition(".")
        model = getattr(importlib.import_module(module), name)()
    if said.scale:
        model = preprocessing.StandardScaler() | model
    decode = {"json": msgspec.json, "msgpack": msgspec.msgpack}[said.format].Decoder().decode
    encode = msgspec.json.Encoder().encode
    consumer = Consumer(
        {
            "bootstrap.servers": said.bootstrap,
            "group.id": f"hand-{uuid.uuid4().hex}",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "enable.auto.commit": said.state is None,
        }
    )
    config = {
        "bootstrap.servers": said.bootstrap,
        "linger.ms": 5,
        "queue.buffering.max.messages": 1_000_000,
    }
    sink = Transactional(config, said.state) if said.state else Plain(config)
    produce = sink.producer.produce
    consumer.subscribe([said.events])
    done = 0
    while done < said.count:
        for message in consumer.consume(5_000, 0.1):
            x = decode(message.value())
            id_, y = x.pop("id"), x.pop("label")
            score = model.predict_proba_one(x).get(True, 0.0)
            model.learn_one(x, y)
            produce(said.outputs, encode({"id": id_, "score": score}), message.key())
            done += 1
        sink.batch_done(model, consumer)
    sink.close(model, consumer)
    consumer.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("bootstrap", "events", "outputs", "format"):
        parser.add_argument(name)
    parser.add_argument("count", type=int)
    parser.add_argument("--scale", action="store_true")
    parser.add_argument("--state")
    parser.add_argument("--estimator")
    main(parser.parse_args())
