"""The loop that an expert writes by hand in Python: a compiled kernel, one transactional producer.

Passive-aggressive learning, with a standard scaler if asked; the scores are River's to the last
digits. Exactly once as far as it goes: outputs, offsets and the model are committed together every
100 ms. There is no restore, no label that comes later, and no input that cannot be used.

python -m benchmarks.numba_loop BOOTSTRAP EVENTS OUTPUTS FORMAT COUNT FEATURES STATE [--scale]
"""

from __future__ import annotations

import argparse
import time
import uuid
from typing import Any

import msgspec
import numpy as np
from confluent_kafka import Consumer, Producer
from numba import njit
from numpy.typing import NDArray

COMMIT_SECONDS = 0.1
C = 0.01

Floats = NDArray[np.float64]


@njit(cache=True)
def predict_and_learn(
    rows: Floats, labels: NDArray[np.int8], model: Floats, scale: bool, scores: Floats
) -> None:
    """Score each row, then learn it.

    Args:
        rows: (rows, features).
        labels: 1 or -1, for each row.
        model: (4, features + 1): weights and intercept; means; sums of squares; the count of rows.
        scale: Whether a standard scaler comes first.
        scores: (rows,): the chances of class 1, written here.
    """
    width = rows.shape[1]
    weights, mean, squares, count = model[0], model[1], model[2], model[3]
    x = np.empty(width)
    for i in range(len(rows)):
        margin = weights[width]
        for j in range(width):
            value = rows[i, j]
            if scale:
                variance = squares[j] / count[0] if count[0] else 0.0
                value = (value - mean[j]) / variance**0.5 if variance > 0 else 0.0
            margin += weights[j] * value
        scores[i] = 1 / (1 + np.exp(-margin))
        count[0] += 1
        norm, margin = 0.0, weights[width]
        for j in range(width):
            value = rows[i, j]
            if scale:
                before = mean[j]
                mean[j] += (value - before) / count[0]
                squares[j] += (value - before) * (value - mean[j])
                variance = squares[j] / count[0]
                value = (value - mean[j]) / variance**0.5 if variance > 0 else 0.0
            x[j] = value
            norm += value * value
            margin += weights[j] * value
        loss = max(0.0, 1 - labels[i] * margin)
        step = labels[i] * min(C, loss / norm) if norm > 0 else 0.0
        for j in range(width):
            weights[j] += step * x[j]
        weights[width] += step


def event_type(features: int) -> Any:
    """A struct of the fields of an event: numbers are read straight into their places."""
    fields: list[Any] = [("id", int), ("label", bool)]
    fields += [(f"feature_{i}", float) for i in range(features)]
    return msgspec.defstruct("Event", fields, gc=False)


def main(said: argparse.Namespace) -> None:
    """Predict and learn so many events."""
    consumer = Consumer(
        {
            "bootstrap.servers": said.bootstrap,
            "group.id": f"numba-{uuid.uuid4().hex}",
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 10,
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": said.bootstrap,
            "transactional.id": f"numba-{uuid.uuid4().hex}",
            "linger.ms": 5,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    producer.init_transactions()
    consumer.subscribe([said.events])
    codec = {"json": msgspec.json, "msgpack": msgspec.msgpack}[said.format]
    decode = codec.Decoder(event_type(said.features)).decode
    encode, values = msgspec.json.Encoder().encode, msgspec.structs.astuple
    model = np.zeros((4, said.features + 1))
    producer.begin_transaction()
    done, due = 0, time.monotonic() + COMMIT_SECONDS
    while done < said.count:
        messages = consumer.consume(5_000, 0.1)
        if messages:
            table = np.array([values(decode(message.value())) for message in messages])
            labels, scores = np.where(table[:, 1] > 0, 1, -1).astype(np.int8), np.empty(len(table))
            predict_and_learn(table[:, 2:], labels, model, said.scale, scores)
            for message, id_, score in zip(
                messages, table[:, 0].astype(np.int64).tolist(), scores.tolist(), strict=True
            ):
                value = encode({"id": id_, "score": score})
                producer.produce(said.outputs, value, message.key())
            done += len(messages)
        if time.monotonic() >= due or done >= said.count:
            producer.produce(said.state, model.tobytes(), b"model")
            producer.send_offsets_to_transaction(
                consumer.position(consumer.assignment()), consumer.consumer_group_metadata()
            )
            producer.commit_transaction()
            producer.begin_transaction()
            due = time.monotonic() + COMMIT_SECONDS
    consumer.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("bootstrap", "events", "outputs", "format"):
        parser.add_argument(name)
    parser.add_argument("count", type=int)
    parser.add_argument("features", type=int)
    parser.add_argument("state")
    parser.add_argument("--scale", action="store_true")
    main(parser.parse_args())
