"""The configurations of connectors: committed records only, each once, dead letters by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.connect.config import configuration, topics_of
from tests.app.pipeline.test_connectors import AVRO, LAKE, MONGO, REGISTRY, WAREHOUSE
from tests.app.pipeline_files import SMALLEST, read

OTHER = """\
[sinks.files]
connector = "org.example.FileSink"
topic = "predictions"
tasks = 2
settings.folder = "/data"
"""
TEXTS = {
    "mongo": SMALLEST + MONGO,
    "lake": SMALLEST + LAKE,
    "warehouse": AVRO + REGISTRY + WAREHOUSE,
    "files": SMALLEST + OTHER,
}


@pytest.mark.parametrize("sink", TEXTS)
def test_every_connector_reads_what_is_committed_and_has_dead_letters(
    tmp_path: Path, sink: str
) -> None:
    if sink == "warehouse":
        pytest.importorskip("fastavro", reason="fastavro (the extra `avro`)")
    config = configuration(read(tmp_path, TEXTS[sink]), sink)
    assert config["name"] == f"p.{sink}"
    assert config["topics"] == "p.predictions.v1"
    assert config["consumer.override.isolation.level"] == "read_committed"
    assert config["errors.tolerance"] == "all"
    assert config["errors.deadletterqueue.topic.name"] == f"p.{sink}.dead-letters.v1"
    assert all(isinstance(value, str) for value in config.values())


@pytest.mark.parametrize(
    ("id_", "strategy"),
    [
        ("source", "PartialValueStrategy"),
        ("record", "KafkaMetaDataStrategy"),
        ("key", "ProvidedInKeyStrategy"),
    ],
)
def test_a_document_is_replaced_by_what_has_its_id(tmp_path: Path, id_: str, strategy: str) -> None:
    config = configuration(read(tmp_path, SMALLEST + MONGO + f'id = "{id_}"\n'), "mongo")
    assert config["document.id.strategy"].endswith(f".{strategy}")
    assert config["writemodel.strategy"].endswith("ReplaceOneDefaultStrategy")
    assert config["mongo.errors.tolerance"] == "data"


def test_rows_of_a_database_are_flat_and_keyed_by_their_source(tmp_path: Path) -> None:
    pytest.importorskip("fastavro", reason="fastavro (the extra `avro`)")
    config = configuration(read(tmp_path, AVRO + REGISTRY + WAREHOUSE), "warehouse")
    assert config["insert.mode"] == "upsert"
    assert config["primary.key.fields"] == "source_topic,source_partition,source_offset"
    assert config["collection.name.format"] == "p_predictions_v1"


def test_the_tasks_of_iceberg_agree_on_a_topic_of_their_own(tmp_path: Path) -> None:
    pipeline = read(tmp_path, SMALLEST + LAKE + "[topics]\nreplication = 3\n")
    config = configuration(pipeline, "lake")
    letters, control = topics_of(pipeline, "lake")
    assert config["iceberg.control.topic"] == control.name == "p.lake.control.v1"
    assert config["errors.deadletterqueue.topic.name"] == letters.name
    assert (letters.replication, control.replication, control.partitions) == (3, 3, 1)
    assert config["errors.deadletterqueue.topic.replication.factor"] == "3"


def test_settings_of_the_file_come_last(tmp_path: Path) -> None:
    text = SMALLEST + LAKE + "settings.iceberg.tables.evolve-schema-enabled = false\n"
    config = configuration(read(tmp_path, text), "lake")
    assert config["iceberg.tables.evolve-schema-enabled"] == "false"


def test_records_with_a_schema_need_no_registry(tmp_path: Path) -> None:
    text = SMALLEST.replace('predictions.v1"', 'predictions.v1"\nformat = "connect-json"')
    config = configuration(read(tmp_path, text + WAREHOUSE), "warehouse")
    assert config["value.converter"] == "org.apache.kafka.connect.json.JsonConverter"
    assert config["value.converter.schemas.enable"] == "true"
    assert config["transforms"] == "flat"
