"""`riverrun try` gives, to the last bit, what the same file gives through Kafka."""

from __future__ import annotations

import uuid
from pathlib import Path

from app.kafka.admin import ensure_topics
from app.kafka.clients import replay_producer
from app.kafka.settings import KafkaSettings
from app.replay.replay import replay
from app.trial.run import run
from tests.app.trial.streams import TEXT, source, write
from tests.app.trial.test_run import said
from tests.kafka.running import Stream, workers
from tests.kafka.support import read_committed


def test_a_trial_is_equal_to_a_worker_with_one_partition(kafka: str, tmp_path: Path) -> None:
    name = f"shop-{uuid.uuid4().hex[:8]}"
    text = TEXT.replace("shop.", f"{name}.").replace('name = "shop"', f'name = "{name}"')
    pipeline = write(tmp_path, text)
    settings = KafkaSettings(kafka, {})
    ensure_topics(pipeline, settings)
    replay(pipeline, source(tmp_path), replay_producer(settings))

    trial = run(pipeline, source(tmp_path))

    predictions, letters, others = said(trial)
    assert pipeline.decisions.topic is not None
    assert pipeline.metrics is not None
    with workers(Stream(kafka, tmp_path / "shop.toml", pipeline), None):
        found = read_committed(kafka, pipeline.predictions.topic, len(predictions), 90)
        assert [(r.key(), r.value()) for r in found] == predictions
        dead = read_committed(kafka, pipeline.dead_letter_topic, len(letters), 60)
        assert sorted((r.key(), r.value(), r.headers()) for r in dead) == letters
        alerts = [(key, value) for to, key, value in others if to == pipeline.decisions.topic]
        there = read_committed(kafka, pipeline.decisions.topic, len(alerts), 60)
        assert [(r.key(), r.value()) for r in there] == alerts
        # An open window is said anew with each batch; the last word on it is the same.
        windows = {key: value for to, key, value in others if to == pipeline.metrics.topic}
        measured = read_committed(kafka, pipeline.metrics.topic)
        assert {r.key(): r.value() for r in measured} == windows
        assert len(windows) > 10
