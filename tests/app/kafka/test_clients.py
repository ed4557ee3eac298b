"""What riverrun decides about its clients: the promise rests on these settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.kafka.clients import group_consumer, restore_consumer, transactional_producer
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from tests.app.support import pipeline

KAFKA = KafkaSettings("127.0.0.1:9", {"client.rack": "r", "linger.ms": 3})


def test_both_consumers_read_what_is_committed_and_commit_nothing(tmp_path: Path) -> None:
    for made in (group_consumer, restore_consumer):
        settings = made(pipeline(tmp_path), KAFKA)
        assert settings["isolation.level"] == "read_committed"
        assert settings["enable.auto.commit"] is False
        assert settings["auto.offset.reset"] == "error"
        assert settings["group.id"] == "p"
        assert settings["client.rack"] == "r"


@pytest.mark.parametrize(("session", "heartbeat"), [("6s", 300), ("90s", 3000), ("300ms", 100)])
def test_heartbeats_come_several_times_a_session(
    tmp_path: Path, session: str, heartbeat: int
) -> None:
    said = pipeline(tmp_path, extra=f'[worker]\nsession_timeout = "{session}"\n')
    assert group_consumer(said, KAFKA)["heartbeat.interval.ms"] == heartbeat


@pytest.mark.parametrize(
    ("worker", "static"),
    [
        ("", False),
        ('name = "w"', True),
        ('name = "w"\nstandbys = 1', False),
        ('name = "w"\nstandbys = 1\nstatic = true', True),
        ('name = "w"\nstatic = false', False),
    ],
)
def test_who_has_a_name_and_no_standby_is_a_static_member(
    tmp_path: Path, worker: str, static: bool
) -> None:
    said = group_consumer(pipeline(tmp_path, extra=f"[worker]\n{worker}\n"), KAFKA, "w")
    assert said.get("group.instance.id") == ("p-w" if static else None)
    assert said["client.id"] == "p/w"


def transactional_id(said: Pipeline, worker: str) -> Any:
    return transactional_producer(said, KAFKA, worker)["transactional.id"]


def test_workers_of_two_pipelines_never_share_a_transactional_id(tmp_path: Path) -> None:
    one = pipeline(tmp_path)
    other = one.model_copy(update={"name": "p-a"})
    assert transactional_id(one, "a-b") != transactional_id(other, "b")
    assert transactional_id(one, "a") == transactional_id(one, "a")


def test_the_user_may_choose_what_is_no_decision(tmp_path: Path) -> None:
    assert transactional_producer(pipeline(tmp_path), KAFKA, "a")["linger.ms"] == 3


def test_the_end_of_a_partition_is_told_where_partitions_are_merged(tmp_path: Path) -> None:
    plain = group_consumer(pipeline(tmp_path), KAFKA)
    assert plain["enable.partition.eof"] is False
    entity = '[[entities]]\nfield = "card"\nfeatures = ["count"]\nwindows = ["1d"]\n'
    stages = group_consumer(pipeline(tmp_path, extra=entity), KAFKA)
    assert stages["enable.partition.eof"] is True
