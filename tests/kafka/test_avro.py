"""Avro through a real broker and a real registry gives what JSON gives, and loses nothing."""

from __future__ import annotations

import json
import math
import struct
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

pytest.importorskip("fastavro", reason="fastavro (the extra `avro`)")
pytest.importorskip("confluent_kafka.schema_registry", reason="the extra `avro`")

from app.errors import RegistryError
from app.evaluation.evaluate import evaluate, evaluate_topics
from app.kafka.admin import ensure_topics
from app.kafka.clients import replay_producer
from app.kafka.reading import reading
from app.kafka.registry import SchemaRegistry
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline, load_pipeline
from app.pipeline.topics import codec_of, writer_of
from app.replay.replay import replay
from app.trial.run import run
from app.trial.topics import TrialTopics
from app.worker.input.schemas import register
from tests.app.trial.streams import TEXT, source, write
from tests.kafka.apicurio import Apicurio, apicurio
from tests.kafka.running import Stream, wait_until, workers
from tests.kafka.support import produce, read_committed
from topics.avro import schema_id
from topics.dead_letters import reason

ORDERS = 60


@pytest.fixture(scope="module")
def registry() -> Iterator[Apicurio]:
    with apicurio() as made:
        yield made


def as_avro(text: str, registry: Apicurio, name: str, more: str = "") -> str:
    """The pipeline file with all three formats, and topics of its own."""
    for table in ("events", "labels", "predictions"):
        text = text.replace(f"[{table}]\n", f'[{table}]\nformat = "avro"\n')
    text = text.replace('name = "shop"', f'name = "{name}"').replace('"shop.', f'"{name}.')
    return f'{text}\n[registry]\nurl = "{registry.url}"\n{more}'


@pytest.fixture
def shop(registry: Apicurio, tmp_path: Path) -> Pipeline:
    name = f"shop-{uuid.uuid4().hex[:8]}"
    (tmp_path / "avro").mkdir()
    return write(tmp_path / "avro", as_avro(TEXT, registry, name, "timeout = 1\n"), ORDERS)


@pytest.mark.long
def test_avro_gives_what_json_gives(
    kafka: str, registry: Apicurio, shop: Pipeline, tmp_path: Path
) -> None:
    settings = KafkaSettings(kafka, {})
    ensure_topics(shop, settings)
    replay(shop, source(tmp_path / "avro"), replay_producer(settings))
    plain = write(tmp_path, TEXT, ORDERS)
    trial = run(plain, source(tmp_path))
    wanted = [
        json.loads(record.value() or b"") for record in TrialTopics(plain, trial).predictions()
    ]
    decode = codec_of(shop, "predictions").decode

    def predictions(count: int) -> list[dict[str, Any]]:
        records = read_committed(kafka, shop.predictions.topic, count, 90)
        return [decode(record.value()) for record in records]

    with workers(Stream(kafka, tmp_path / "avro" / "shop.toml", shop), None) as (worker,):
        assert comparable(predictions(len(wanted))) == comparable(wanted)
        with reading(shop, settings) as reader:
            measured = evaluate(shop, reader)
        expected, _ = evaluate_topics(plain, TrialTopics(plain, trial))
        assert measured.metrics == expected.metrics
        assert (measured.missing, measured.duplicates, measured.waiting) == (0, 0, 0)

        # What is not Avro, or of a schema that nobody registered, is set aside by its place.
        before = len(read_committed(kafka, shop.dead_letter_topic))
        values = [b'{"order": 1}', struct.pack(">BI", 0, 99_999) + b"\2"]
        produce(kafka, shop.events.topic, [(b"c1", value) for value in values])
        letters = read_committed(kafka, shop.dead_letter_topic, before + 2, 60)[before:]
        why = [reason(cast(Any, letter.headers())) for letter in letters]
        assert [(one.stage, one.topic) for one in why] == [("decode", shop.events.topic)] * 2
        assert "no zero byte and schema id" in why[0].message
        assert "the registry knows no schema 99999" in why[1].message

        # A schema that is new, and a registry that is away: the event waits, and is not lost.
        value = of_new_schema(shop, registry)
        registry.pause()
        produce(kafka, shop.events.topic, [(b"c1", value)])
        wait_until(lambda: "waits, nothing is lost" in worker.log, what="the wait")
        assert worker.process.poll() is None
        assert len(read_committed(kafka, shop.predictions.topic)) == len(wanted)
        registry.go_on()
        assert "HTTP Request" not in worker.log  # it would show the login of an address
        assert predictions(len(wanted) + 1)[-1]["id"] == 77_777
    assert len(read_committed(kafka, shop.dead_letter_topic)) == before + 2


def comparable(predictions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the names of topics, and without what JSON has as null: nothing, or infinite."""
    found = []
    for each in predictions:
        source = {k: v for k, v in each["source"].items() if k != "topic"}
        kept = {k: v for k, v in each.items() if v is not None and v != -math.inf}
        found.append(kept | {"source": source, "model": each["model"]["version"]})
    return found


def of_new_schema(shop: Pipeline, registry: Apicurio) -> bytes:
    """An event of a schema that no worker has seen."""
    subject = f"{shop.events.topic}-value"
    with closing(SchemaRegistry({"url": registry.url})) as client:
        newest = client.latest(subject)
        assert newest is not None
        schema = json.loads(newest[1])
        schema["fields"].append({"name": "coupon", "type": ["null", "string"], "default": None})
        id_ = client.register(subject, json.dumps(schema))
    value = writer_of(shop, "events").encode(
        {"order": 77_777, "when": 1, "customer": "c1", "shop": "s1", "amount": 5.0, "items": 1}
    )
    assert schema_id(value) == id_
    return value


def test_a_schema_that_the_registry_refuses_ends_the_start(registry: Apicurio) -> None:
    name = f"p-{uuid.uuid4().hex[:8]}"
    other = {
        "type": "record",
        "name": "Prediction",
        "namespace": "riverrun",
        "fields": [{"name": "id", "type": "boolean"}],
    }
    subject = f"{name}.predictions-value"
    with closing(SchemaRegistry({"url": registry.url})) as client:
        client.register(subject, json.dumps(other))
    registry.require(subject, "FULL")
    with pytest.raises(RegistryError, match=rf"refuses the schema of {subject}"):
        register(pipeline(registry, name))


def test_where_registering_is_forbidden_the_schema_must_be_there(registry: Apicurio) -> None:
    name, forbidden = f"p-{uuid.uuid4().hex[:8]}", "auto.register.schemas = false\n"
    with pytest.raises(RegistryError, match=r"auto\.register\.schemas is false; register \{"):
        register(pipeline(registry, name, forbidden))
    register(pipeline(registry, name))
    register(pipeline(registry, name, forbidden))


def pipeline(registry: Apicurio, name: str, more: str = "") -> Pipeline:
    folder = Path(registry.folder) / uuid.uuid4().hex
    folder.mkdir()
    (folder / "p.toml").write_text(as_avro(TEXT, registry, name, more))
    return load_pipeline(folder / "p.toml", environ={})
