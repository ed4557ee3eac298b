"""`riverrun topics --delete`: a pipeline begins anew, and nobody else's topic is touched."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from confluent_kafka import Consumer, TopicPartition

from app.cli import cli
from app.kafka.admin import ensure_topics
from app.kafka.cluster import Cluster
from app.kafka.group import GroupInUse
from app.kafka.settings import KafkaSettings
from tests.kafka.support import PIPELINES, phishing


def committed(kafka: str, group: str, topic: str) -> int:
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": group})
    try:
        (found,) = consumer.committed([TopicPartition(topic, 0)], timeout=30)
        return int(found.offset)
    finally:
        consumer.close()


def test_what_a_pipeline_wrote_goes_and_its_inputs_stay(
    kafka: str, topic_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = KafkaSettings(kafka, {})
    pipeline = phishing(topic_name, predictions=f"{topic_name}.predictions")
    ensure_topics(pipeline, settings)
    member = Consumer({"bootstrap.servers": kafka, "group.id": topic_name})
    member.commit(offsets=[TopicPartition(pipeline.events.topic, 0, 7)], asynchronous=False)
    member.close()
    arguments = ["topics", str(PIPELINES / "phishing.toml"), "--bootstrap-servers", kafka]
    for key, value in (
        ("name", topic_name),
        ("events.topic", pipeline.events.topic),
        ("predictions.topic", pipeline.predictions.topic),
    ):
        arguments += ["--set", f"{key}={value}"]

    asked = CliRunner().invoke(cli, [*arguments, "--delete"], input="n\n")
    assert asked.exit_code == 1
    assert committed(kafka, topic_name, pipeline.events.topic) == 7

    with monkeypatch.context() as patched:
        patched.setattr("app.kafka.group.members", lambda *_: 1)
        refused = CliRunner().invoke(cli, [*arguments, "--delete", "--yes"])
    assert isinstance(refused.exception, GroupInUse)

    done = CliRunner().invoke(cli, [*arguments, "--delete", "--yes"])
    assert done.exit_code == 0, done.output
    left = {name for name in Cluster(settings, 15.0).topics() if name.startswith(topic_name)}
    assert left == {pipeline.events.topic}
    assert committed(kafka, topic_name, pipeline.events.topic) < 0

    assert CliRunner().invoke(cli, [*arguments, "--delete", "--inputs", "--yes"]).exit_code == 0
    left = {name for name in Cluster(settings, 15.0).topics() if name.startswith(topic_name)}
    assert left == set()
