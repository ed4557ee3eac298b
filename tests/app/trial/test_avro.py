"""A pipeline over Avro is equal to the same one over JSON, with and without stages."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("fastavro", reason="fastavro (the extra `avro`)")
pytest.importorskip("confluent_kafka.schema_registry", reason="the extra `avro`")

from app.kafka import registry
from app.pipeline.load import Pipeline, load_pipeline
from app.pipeline.topics import codec_of
from app.replay.base import Event, Source
from app.trial.run import Trial, run
from app.trial.topics import TrialTopics
from tests.app.trial.streams import TEXT, source, write
from tests.registry import MemoryRegistry

ORDERS = 60
"""Among them one without an amount, and one with a label that is none."""
PLAIN = """\
name = "pumps"
[events]
topic = "pumps.readings"
id = "id"
key = "pump"
label = "failed"
[learner]
type = "logistic_regression"
scale = true
[predictions]
topic = "pumps.predictions"
"""
AVRO = {
    "events.format": "avro",
    "predictions.format": "avro",
    "registry.url": "http://registry:8081",
}


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> None:
    made = MemoryRegistry()
    monkeypatch.setattr(registry, "registry_of", lambda table: made)


def predictions(pipeline: Pipeline, trial: Trial) -> list[dict[str, Any]]:
    """What JSON can say of them: it has null for what is infinite, and leaves out what is none."""
    decode = codec_of(pipeline, "predictions").decode
    said = [decode(record.value()) for record in TrialTopics(pipeline, trial).predictions()]
    return [_said(each | {"model": _said(each["model"])}) for each in said]


def _said(fields: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in fields.items() if v not in (None, -math.inf)}


def letters(pipeline: Pipeline, trial: Trial) -> list[Any]:
    return [(r.key(), r.headers()) for r in TrialTopics(pipeline, trial).letters()]


def test_a_plain_pipeline(tmp_path: Path) -> None:
    readings = [
        Event(n, {"id": n, "pump": f"p{n % 3}", "heat": n / 7, "wet": n % 2 == 0, "failed": n > 20})
        for n in range(ORDERS)
    ]
    (tmp_path / "pumps.toml").write_text(PLAIN)
    found = []
    for overrides in ({}, AVRO):
        pipeline = load_pipeline(tmp_path / "pumps.toml", overrides, {})
        trial = run(pipeline, Source("readings", lambda: iter(readings)))
        found.append((predictions(pipeline, trial), trial.model.learned))
    assert found[0] == found[1]
    assert (len(found[0][0]), found[0][1]) == (ORDERS, ORDERS)


def test_labels_entities_and_stages(tmp_path: Path) -> None:
    found = []
    for overrides in ({}, AVRO | {"labels.format": "avro"}):
        write(tmp_path, TEXT, ORDERS)
        pipeline = load_pipeline(tmp_path / "shop.toml", overrides, {})
        trial = run(pipeline, source(tmp_path))
        found.append((predictions(pipeline, trial), letters(pipeline, trial)))
    assert found[0] == found[1]
    assert len(found[0][0]) == ORDERS - 1
    assert len(found[0][1]) == 2


def test_a_dead_letter_of_a_later_stage_is_avro_again(tmp_path: Path) -> None:
    write(tmp_path, TEXT, ORDERS)
    pipeline = load_pipeline(tmp_path / "shop.toml", AVRO | {"labels.format": "avro"}, {})
    events = codec_of(pipeline, "events")
    trial = run(pipeline, source(tmp_path))
    decoded = [
        events.decode(record.value())
        for record in TrialTopics(pipeline, trial).letters()
        if b"amount" in dict(record.headers())["__connect.errors.exception.message"]
    ]
    assert decoded
    assert all(event["amount"] == "much" for event in decoded)
    assert msgspec.json.encode(decoded[0])
