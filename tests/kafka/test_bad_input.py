"""Whatever comes: one dead letter with its coordinates, all else predicted, the worker alive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from tests.agents.test_agent import BAD
from tests.kafka.running import bare_loop, stream, synthetic, workers
from tests.kafka.support import produce, read_committed
from tests.learners.own_state import Saved
from topics.dead_letters import OMITTED, reason

LEARNER = {"type": "passive_aggressive", "C": 0.01}


def test_each_bad_event_is_one_dead_letter_and_the_worker_lives(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    events = {"label": "fraud", "features": ["amount", "night"]}
    pipeline = stream(kafka, tmp_path, topic_name, LEARNER, events=events)
    good = [
        {"id": e["id"], "amount": e["x0"], "night": e["x1"], "fraud": e["y"]}
        for e in synthetic(1, 10 * len(BAD))
    ]
    values: list[bytes | None] = []
    for i, (value, _, _) in enumerate(BAD.values()):
        values += [json.dumps(e).encode() for e in good[10 * i : 10 * i + 10]]
        values.append(value)
    values.append(b"x" * 9_000_000)
    topic = pipeline.pipeline.events.topic
    with workers(pipeline, "a") as (worker,):
        produce(kafka, topic, [(b"k", value) for value in values], 0)
        letters = read_committed(kafka, pipeline.pipeline.dead_letter_topic, len(BAD) + 1)
        said = read_committed(kafka, pipeline.pipeline.predictions.topic, len(good))
        assert worker.stop() == 0
    omitted = letters.pop()
    assert omitted.value() is None
    assert dict(omitted.headers() or [])[OMITTED] == b"9000000"
    why = [reason(cast(Any, letter.headers())) for letter in letters]
    assert [r.offset for r in why] == [11 * i + 10 for i in range(len(BAD))]
    assert {(r.topic, r.partition) for r in why} == {(topic, 0)}
    assert [letter.value() for letter in letters] == [value for value, _, _ in BAD.values()]
    assert [json.loads(p.value() or b"")["id"] for p in said] == [e["id"] for e in good]
    pipeline.events[0].extend({**e, "y": e["fraud"]} for e in good)
    _, model = bare_loop(LEARNER, [renamed(e) for e in good])
    assert pipeline.models()[0].fingerprint() == model.fingerprint()


def renamed(event: dict[str, Any]) -> dict[str, Any]:
    """The event as the bare loop takes it."""
    return {**{k: v for k, v in event.items() if k != "fraud"}, "y": event["fraud"]}


class Unlucky(Saved):
    """A learner that fails to learn the event with x0 above 2, after it has already changed."""

    task = "binary"

    def __init__(self) -> None:
        self.seen = 0.0

    def predict_one(self, x: dict[str, float]) -> bool:
        return self.seen > 0

    def predict_proba_one(self, x: dict[str, float]) -> dict[bool, float]:
        return {True: 0.5, False: 0.5}

    def learn_one(self, x: dict[str, float], y: bool) -> None:
        self.seen += x["x0"]
        if x["x0"] > 2:
            raise RuntimeError("too much")


def test_an_event_that_cannot_be_learned_is_set_aside_and_leaves_no_trace(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    learner = {"type": "tests.kafka.test_bad_input:Unlucky"}
    pipeline = stream(kafka, tmp_path, topic_name, learner)
    events = synthetic(3, 300)
    bad = [i for i, event in enumerate(events) if event["x0"] > 2]
    assert len(bad) >= 3
    pipeline.send(0, events)
    with workers(pipeline, "a") as (worker,):
        letters = read_committed(kafka, pipeline.pipeline.dead_letter_topic, len(bad))
        read_committed(kafka, pipeline.pipeline.predictions.topic, len(events) - len(bad))
        assert worker.stop() == 0
    why = [reason(cast(Any, letter.headers())) for letter in letters]
    assert [(r.offset, r.stage, r.message) for r in why] == [(i, "learn", "too much") for i in bad]
    _, model = bare_loop(learner, [e for e in events if e["x0"] <= 2])
    assert pipeline.models()[0].fingerprint() == model.fingerprint()
