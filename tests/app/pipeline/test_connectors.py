"""Tables `[sinks.NAME]` with a connector: what they take, and what is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.connect.config import configuration
from tests.app.pipeline_files import METRICS, SMALLEST, read, refusal

MONGO = """\
[sinks.mongo]
connector = "mongodb"
uri = "mongodb://store:27017"
database = "fraud"
"""
LAKE = """\
[sinks.lake]
connector = "iceberg"
table = "fraud.predictions"
catalog.type = "rest"
"""
WAREHOUSE = """\
[sinks.warehouse]
connector = "jdbc"
url = "jdbc:postgresql://store/fraud"
"""
AVRO = SMALLEST.replace('predictions.v1"', 'predictions.v1"\nformat = "avro"')
REGISTRY = '[registry]\nurl = "http://ann:geheim@registry:8081"\n'
SECRET = "CANARY"


def test_dotted_names_of_a_client_are_one_name_wherever_they_are_given(tmp_path: Path) -> None:
    text = SMALLEST + MONGO + 'settings.max.batch.size = 50\nsettings."a.b" = true\n'
    environ = {"RIVERRUN_SINKS__MONGO__SETTINGS__C_D": "e"}
    found = read(tmp_path, text, environ, sinks__mongo__settings__f__g="3").connected["mongo"]
    assert found.settings == {"max.batch.size": 50, "a.b": True, "c.d": "e", "f.g": 3}


def test_a_variable_of_a_sink_wins_over_the_file(tmp_path: Path) -> None:
    environ = {"RIVERRUN_SINKS__LAKE__COMMIT": "2m", "RIVERRUN_SINKS__LAKE__TASKS": "3"}
    pipeline = read(tmp_path, SMALLEST + LAKE, environ)
    config = configuration(pipeline, "lake")
    assert config["iceberg.control.commit.interval-ms"] == "120000"
    assert config["tasks.max"] == "3"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (MONGO.replace("uri", "url"), 'unknown key, did you mean "uri"? [sinks.mongo] takes'),
        (MONGO.replace('"mongodb"', '"mongo"'), 'sinks.mongo.connector = "mongo": must be'),
        (MONGO.replace('connector = "mongodb"\n', ""), "sinks.mongo: needs `type`, a store"),
        (
            MONGO + 'type = "parquet"\n',
            'sinks.mongo.type = "parquet": unknown key; [sinks.mongo] takes',
        ),
        (MONGO.replace('database = "fraud"\n', ""), "sinks.mongo.database is missing"),
        (MONGO + 'topic = "alerts"\n', 'topic = "alerts": needs decisions.topic'),
        (MONGO + "tasks = 0\n", "sinks.mongo.tasks = 0: must be 1 or more"),
        (MONGO + 'id = "id"\n', 'id = "id": must be "record", "source" or "key"'),
        (MONGO + 'settings.topics = "x"\n', "settings.topics: riverrun sets it itself for p.mongo"),
        (
            MONGO + 'id = "key"\nsettings.transforms = "x"\n',
            'id = "key": cannot be beside transforms',
        ),
        (MONGO.replace("sinks.mongo", 'sinks."a b"'), "sinks.a b: must be 1 to 100 letters"),
        (LAKE.replace("catalog.type", "catalog.uri"), 'catalog: needs "type" or "catalog-impl"'),
        (WAREHOUSE, "sinks.warehouse.topic: a table has a schema, and so must its records"),
        (MONGO.replace("mongo]", "x" * 100 + "]"), None),
        ("sinks = 3\n", "sinks: must be a table"),
        ("sinks.x = 3\n", "sinks.x: must be a table"),
    ],
)
def test_what_is_wrong_is_refused_by_key_and_value(
    tmp_path: Path, text: str, line: str | None
) -> None:
    whole = text + SMALLEST if text.startswith("sinks") else SMALLEST + text
    if line is None:
        read(tmp_path, whole)
    else:
        assert line in refusal(tmp_path, whole)


def test_metrics_have_no_source(tmp_path: Path) -> None:
    labelled = SMALLEST.replace('events.v1"', 'events.v1"\nlabel = "y"') + METRICS
    text = labelled + MONGO + 'topic = "metrics"\n'
    strategy = configuration(read(tmp_path, text), "mongo")["document.id.strategy"]
    assert strategy.endswith("KafkaMetaDataStrategy")
    assert "metrics have no source" in refusal(tmp_path, text + 'id = "source"\n')


def test_a_format_that_connect_cannot_read_is_refused_unless_a_converter_is_named(
    tmp_path: Path,
) -> None:
    text = SMALLEST.replace('predictions.v1"', 'predictions.v1"\nformat = "msgpack"') + MONGO
    assert 'predictions.format is "msgpack"' in refusal(tmp_path, text)
    read(tmp_path, text + 'settings.value.converter = "org.example.MsgPackConverter"\n')


@pytest.mark.parametrize(
    "text",
    [
        MONGO.replace("//", f"//ann:{SECRET}@"),
        MONGO.replace("27017", f"27017/?password={SECRET}"),
        MONGO + f'table = "//a:{SECRET}@b"\n',
        MONGO + f'settings.connection.password = "{SECRET}"\n',
        MONGO + f'settings.value.converter.basic.auth.user.info = "a:{SECRET}"\n',
        MONGO.replace("//", f"//${{env:USER}}:{SECRET}@"),
        LAKE + f'catalog.s3.secret-access-key = "{SECRET}"\n',
        LAKE + f'catalog.jdbc.password = "{SECRET}"\n',
        LAKE + f'catalog.uri = "http://ann:{SECRET}@catalog"\n',
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    line = refusal(tmp_path, SMALLEST + text)
    assert "holds a secret" in line or "unknown key" in line
    assert SECRET not in line


@pytest.mark.parametrize(
    "text",
    [
        MONGO.replace("//", "//${env:USER}:${env:PASSWORD}@"),
        MONGO.replace('"mongodb://store:27017"', '"${file:/run/secrets/store:uri}"'),
        MONGO + 'settings.connection.password = "${env:PASSWORD}"\n',
        MONGO + 'settings.key.converter = "org.apache.kafka.connect.json.JsonConverter"\n',
        LAKE + 'catalog.credential = "${env:CATALOG}"\n',
    ],
)
def test_a_secret_that_connect_puts_in_is_taken(tmp_path: Path, text: str) -> None:
    read(tmp_path, SMALLEST + text)


def test_the_login_of_the_registry_stays_here(tmp_path: Path) -> None:
    pytest.importorskip("fastavro", reason="fastavro (the extra `avro`)")
    config = configuration(read(tmp_path, AVRO + REGISTRY + WAREHOUSE), "warehouse")
    assert config["value.converter.schema.registry.url"] == "http://registry:8081"
    assert "geheim" not in str(config)
