"""The loop that one writes by hand: consume, River, produce. At least once, nothing is saved.

python -m benchmarks.hand_loop BOOTSTRAP EVENTS OUTPUTS FORMAT COUNT [scale]
"""

from __future__ import annotations

import sys
import uuid
from typing import Any

import msgspec
from confluent_kafka import Consumer, Producer
from river import linear_model, preprocessing


def main(bootstrap: str, events: str, outputs: str, format: str, count: int, scale: bool) -> None:
    """Predict and learn ``count`` events."""
    model: Any = linear_model.PAClassifier(C=0.01)
    if scale:
        model = preprocessing.StandardScaler() | model
    decode = {"json": msgspec.json, "msgpack": msgspec.msgpack}[format].Decoder().decode
    encode = msgspec.json.Encoder().encode
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"hand-{uuid.uuid4().hex}",
            "auto.offset.reset": "earliest",
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "linger.ms": 5,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    consumer.subscribe([events])
    done = 0
    while done < count:
        for message in consumer.consume(5_000, 0.1):
            x = decode(message.value())
            id_, y = x.pop("id"), x.pop("label")
            score = model.predict_proba_one(x)[True]
            model.learn_one(x, y)
            producer.produce(outputs, encode({"id": id_, "score": score}), message.key())
            done += 1
        producer.poll(0)
    producer.flush()
    consumer.close()


if __name__ == "__main__":
    bootstrap, events, outputs, format, count, *more = sys.argv[1:]
    main(bootstrap, events, outputs, format, int(count), scale=more == ["scale"])
