"""Payments a second of `pipelines/fraud.toml`, as the ratio to the same written by hand.

The hand-written loop (`benchmarks.fraud_by_hand`) reads the same payments and labels in the order
of time and makes the same features but the bins. It saves nothing, alerts nobody and evaluates
nothing.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator, Mapping

from app.fraud.handbook import Size
from app.kafka.admin import ensure_topics
from app.kafka.clients import replay_producer
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline, load_pipeline
from app.replay.replay import replay
from benchmarks.contenders import running
from benchmarks.fraud import FILE, SMALL, Trial, source, verdict
from benchmarks.fraud_protocol import Row, Yardstick
from benchmarks.fraud_workers import Workers, said
from benchmarks.throughput import compared
from benchmarks.topics import outputs, rate, read

ROUNDS = 3
FIRST = 24
SECONDS = 1800.0
"""The hand-written loop is given up when it takes longer."""


def run(bootstrap: str, *, quick: bool = False) -> Iterator[Row]:
    """What both score, and how fast; they take turns, so that both meet the same machine."""
    trial = Trial(size=SMALL if quick else Size(days=45), first=FIRST)
    yardstick, kafka = Yardstick(trial.size, trial.first), KafkaSettings(bootstrap)
    overrides = trial.overrides()
    pipeline = _pipeline(overrides, kafka)
    sent = replay(pipeline, source(yardstick.data, trial), replay_producer(kafka))
    count = sent.delivered - sent.labels
    contenders = {"hand_loop": _by_hand, "riverrun": _by_riverrun}
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(1 if quick else ROUNDS):
        for name, contender in contenders.items():
            done = contender(overrides, kafka)
            rates[name].append(rate(read(bootstrap, done.predictions.topic, count, SECONDS)))
            if number == 0:
                model = "hand-written loop" if name == "hand_loop" else name
                yield verdict(model, trial, yardstick, said(done, kafka).scores)
    yield {"benchmark": "fraud_rate", "events": count, **compared(rates)}


def _pipeline(overrides: Mapping[str, str], kafka: KafkaSettings) -> Pipeline:
    pipeline = load_pipeline(FILE, overrides, {})
    ensure_topics(pipeline, kafka)
    return pipeline


def _by_hand(overrides: Mapping[str, str], kafka: KafkaSettings) -> Pipeline:
    """Let the loop run over all; gives the pipeline that would have predicted there."""
    predictions = outputs(kafka.bootstrap_servers, "by-hand")
    pipeline = _pipeline({**overrides, "predictions.topic": predictions}, kafka)
    assert pipeline.labels is not None
    topics = (pipeline.events.topic, pipeline.labels.topic, predictions)
    command = [sys.executable, "-m", "benchmarks.fraud_by_hand", kafka.bootstrap_servers, *topics]
    with running(command) as process:
        if process.wait(SECONDS):
            raise RuntimeError(f"the hand-written loop ended with {process.returncode}")
    return pipeline


def _by_riverrun(overrides: Mapping[str, str], kafka: KafkaSettings) -> Pipeline:
    """Let one worker run over all."""
    own = {**overrides, "name": f"fraud-{uuid.uuid4().hex[:8]}"}
    own["predictions.topic"] = outputs(kafka.bootstrap_servers, "riverrun")
    pipeline = _pipeline(own, kafka)
    Workers(FILE, pipeline, kafka, [f"{key}={value}" for key, value in own.items()], 1).run()
    return pipeline
