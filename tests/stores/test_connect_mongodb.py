"""Kafka Connect carries each committed prediction to MongoDB once, whatever is killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.connect.rest import Connect
from tests.kafka.running import wait_until
from tests.stores.carried import SOON, assert_poison_was_set_aside, carried, sinks
from tests.stores.connect import connect
from tests.stores.connectors import mongodb_connector
from tests.stores.mongodb import ferretdb

pymongo = pytest.importorskip("pymongo", reason='pymongo (the extra "stores")')

MONGODB = "com.mongodb.kafka.connect.MongoSinkConnector"
COUNT, KILLS = 1_500, 3
"""FerretDB writes some ten documents a second here; real servers have 20,000 elsewhere."""


def test_mongodb_has_each_committed_prediction_once(
    kafka: str, topic_name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("store", "connect"):
        (tmp_path / name).mkdir()
    plugins = {MONGODB: mongodb_connector()}
    with (
        ferretdb(tmp_path / "store") as (store, uri),
        connect(tmp_path / "connect", kafka, f"{topic_name}-connect", plugins) as made,
    ):
        table = {
            "connector": "mongodb",
            "uri": uri,
            "database": "riverrun",
            "collection": "predictions",
            "tasks": 2,
            # FerretDB hangs at 100 replaced documents at once, of both tasks.
            "settings": {"max.batch.size": 20, **SOON},
        }
        target = carried(kafka, tmp_path, topic_name, made, table)
        assert_a_wrong_setting_is_named(target.words, capsys)
        assert sinks(*target.words) == 0
        assert "RUNNING" in capsys.readouterr().out
        client: Any = pymongo.MongoClient(uri, serverSelectionTimeoutMS=5000)
        found = client["riverrun"]["predictions"]

        target.survives(lambda: counted(found), COUNT, KILLS, store)

        expected = {
            f"{target.topic}#{partition}#{offset}": msgspec.json.decode(value)
            for (partition, offset), value in target.values().items()
        }
        documents = list(found.find())
        places = {each.pop("_id"): each for each in documents}
        assert len(documents) == len(places) == len(expected) == COUNT
        assert places == expected
        assert_poison_was_set_aside(target)
        assert sinks(*target.words, "--status") == 0
        assert sinks(*target.words, "--delete") == 0
        name = f"{target.stream.pipeline.name}.store"
        wait_until(lambda: Connect(target.url).status(name) is None, 60, "no connector")
        assert sinks(*target.words, "--status") == 1
        assert "MISSING" in capsys.readouterr().out
        client.close()


def assert_a_wrong_setting_is_named(at: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The connector itself checks it; nothing is registered."""
    wrong = ["--set", "sinks.store.settings.max.batch.size=-1"]
    assert sinks(*at, *wrong) == 1
    assert "store: max.batch.size: Invalid value -1" in capsys.readouterr().err
    assert sinks(*at, "--status") == 1
    assert "MISSING" in capsys.readouterr().out


def counted(found: Any) -> int:
    """How many documents there are; 0 while the server is away."""
    try:
        return int(found.count_documents({}))
    except pymongo.errors.PyMongoError:
        return 0
