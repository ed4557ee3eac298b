"""The registry of a pipeline file: what it takes, what it refuses, what it never shows."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest

pytest.importorskip("fastavro", reason="fastavro (the extra `avro`)")
pytest.importorskip("confluent_kafka.schema_registry", reason="the extra `avro`")

from app.errors import RegistryAway
from app.kafka.registry import SchemaRegistry
from app.pipeline.topics import codec_of, writer_of
from tests.app.pipeline_files import SMALLEST, read, refusal

AVRO = SMALLEST.replace("[events]\n", '[events]\nformat = "avro"\n')
URL = '[registry]\nurl = "http://registry:8081"\n'


def test_predictions_have_the_format_of_events_here_too(tmp_path: Path) -> None:
    pipeline = read(tmp_path, AVRO + URL)
    assert (pipeline.events.format, pipeline.predictions.format) == ("avro", "avro")
    assert pipeline.registry == {"url": "http://registry:8081"}


def test_codecs_are_made_without_asking_the_registry(tmp_path: Path) -> None:
    pipeline = read(tmp_path, AVRO + URL)
    codecs = codec_of(pipeline, "events"), codec_of(pipeline, "predictions")
    assert [codec.name for codec in (*codecs, writer_of(pipeline, "events"))] == ["avro"] * 3


def test_variables_name_dotted_settings(tmp_path: Path) -> None:
    given = {
        "RIVERRUN_REGISTRY__BASIC_AUTH_USER_INFO": "ann:1e5",
        "RIVERRUN_REGISTRY__AUTO_REGISTER_SCHEMAS": "false",
    }
    pipeline = read(tmp_path, AVRO + URL, environ=given)
    assert pipeline.registry["basic.auth.user.info"] == "ann:1e5"
    assert pipeline.registry["auto.register.schemas"] is False


REFUSED = {
    "no registry": (AVRO, 'events.format = "avro": needs registry.url, such as "http'),
    "no topic of avro": (SMALLEST + URL, 'registry: needs a topic of format = "avro"'),
    "no address": (AVRO + URL.replace("http:", "kafka:"), "registry"),
    "an unknown setting": (AVRO + URL + "basic.user = 'geheim'", "registry.basic.user: "),
    "a login without a password": (
        AVRO + URL + "basic.auth.user.info = 'geheim'",
        "registry.basic.auth.user.info: basic.auth.user.info must be in the form",
    ),
    "two logins": (
        AVRO + URL.replace("//", "//ann:geheim@") + "basic.auth.user.info = 'a:geheim'",
        "basic.auth.user.info configured with userinfo credentials in the URL",
    ),
    "no file of certificates": (AVRO + URL + "ssl.ca.location = '/no/file'", "registry"),
    "a text for yes or no": (
        AVRO + URL + "auto.register.schemas = 'no'",
        'registry.auto.register.schemas = "no": must be true or false',
    ),
    "avro for alerts": (
        AVRO + URL + '[decisions]\nthreshold = 0.5\ntopic = "a"\nformat = "avro"',
        'decisions.format = "avro": must be "json", "msgpack" or "connect-json"',
    ),
}


@pytest.mark.parametrize(("text", "line"), REFUSED.values(), ids=REFUSED.keys())
def test_it_is_refused_by_key_and_without_a_secret(tmp_path: Path, text: str, line: str) -> None:
    said = refusal(tmp_path, text)
    assert line in said
    assert "geheim" not in said


def test_a_registry_that_is_away_is_told_of_without_its_login(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    registry = SchemaRegistry({"url": "http://ann:geheim@127.0.0.1:9"}, patience=0.05)
    with (
        caplog.at_level(logging.WARNING, "riverrun.registry"),
        pytest.raises(RegistryAway, match=r"\*\*\*@127\.0\.0\.1:9: no answer about schema 7: "),
    ):
        registry.schema(7)
    assert "waiting for schema 7" in caplog.text
    assert "geheim" not in caplog.text
    assert not registry.knows(7)
