"""Kafka Connect carries each committed prediction to a store once, whatever is killed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer

from app.cli import main
from app.connect import registering
from app.connect.rest import Connect, ConnectError
from tests.kafka.running import Stream, stream, wait_until
from tests.kafka.sinks import LEARNER, PARTITIONS, prediction, send
from tests.kafka.support import produce, read_committed
from tests.stores.connect import connect, mongodb_connector
from tests.stores.mongodb import ferretdb
from tests.stores.servers import Server
from topics.dead_letters import original_headers, reason

pymongo = pytest.importorskip("pymongo", reason='pymongo (the extra "stores")')

MONGODB = "com.mongodb.kafka.connect.MongoSinkConnector"
POISON = b"no json"
SOON = {"consumer.override.session.timeout.ms": 6000}
COUNT, KILLS = 1_500, 3
"""FerretDB writes some ten documents a second here; real servers have 20,000 elsewhere."""


def sinks(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["sinks", *words])
    assert isinstance(left.value.code, int)
    return left.value.code


def send_all(bootstrap: str, topic: str) -> None:
    """The predictions, a poison record among them, and others that are rolled back at the end."""
    send(bootstrap, topic, COUNT // 2)
    produce(bootstrap, topic, [(b"poison", POISON)], 0)
    send_from(bootstrap, topic, COUNT // 2)


def send_from(bootstrap: str, topic: str, first: int) -> None:
    """The second half, and as many again that nobody may ever see."""
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": f"{topic}-second"})
    producer.init_transactions(60)
    for numbers, commits in ((range(first, COUNT), True), (range(COUNT, 2 * COUNT), False)):
        producer.begin_transaction()
        for number in numbers:
            value = msgspec.json.encode(prediction(number))
            producer.produce(topic, value, b"card", number % PARTITIONS)
            producer.poll(0)
        producer.flush()
        producer.commit_transaction() if commits else producer.abort_transaction()


def survives(
    target: Stream, url: str, server: Server, store: Server | None, stored: Callable[[], int]
) -> None:
    """Kill Connect three times, and the store's server once, while the predictions come."""
    there, names = Connect(url), list(target.pipeline.connected)

    def has(goal: int) -> bool:
        """A task that failed for a store that was away goes on when it is told to."""
        with contextlib.suppress(ConnectError):  # it may just have started
            for status in registering.states(target.pipeline, there, names):
                if status.failed:
                    there.restart(status.name)
        time.sleep(1.0)  # counting is dear
        return stored() >= goal

    sender = threading.Thread(
        target=send_all, args=(target.bootstrap, target.pipeline.predictions.topic)
    )
    sender.start()
    for number in range(KILLS):
        goal = COUNT * (number + 1) // (KILLS + 2)
        wait_until(lambda goal=goal: has(goal), 300, f"{goal} records")
        server.restart()
        if store is not None and number == KILLS // 2:
            store.restart()
    sender.join(240)
    wait_until(lambda: has(COUNT), 300, f"{COUNT} records")


def assert_poison_was_set_aside(target: Stream, sink: str) -> None:
    """It lies on the dead-letter topic of the sink, once or more, with its coordinates."""
    letters = read_committed(target.bootstrap, f"{target.pipeline.name}.{sink}.dead-letters.v1")
    assert letters
    for letter in letters:
        headers: Any = letter.headers() or []
        why = reason(headers)
        assert letter.value() == POISON
        assert (why.topic, why.partition) == (target.pipeline.predictions.topic, 0)
        assert "JsonConverter" in why.message or "Converting" in why.message
        assert original_headers(headers) == []


def test_mongodb_has_each_committed_prediction_once(
    kafka: str, topic_name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("store", "connect"):
        (tmp_path / name).mkdir()
    plugins = {MONGODB: mongodb_connector()}
    with (
        ferretdb(tmp_path / "store") as (store, uri),
        connect(tmp_path / "connect", kafka, f"{topic_name}-connect", plugins) as (server, url),
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
        target = stream(kafka, tmp_path, topic_name, LEARNER, PARTITIONS, **table_of(table))
        at = [str(target.file), "--bootstrap-servers", kafka, "--connect", url]
        assert_a_wrong_setting_is_named(at, capsys)
        assert sinks(*at) == 0
        assert "RUNNING" in capsys.readouterr().out
        client: Any = pymongo.MongoClient(uri, serverSelectionTimeoutMS=5000)
        found = client["riverrun"]["predictions"]

        survives(target, url, server, store, lambda: counted(found))

        expected, documents = committed_json(target), list(found.find())
        places = {each.pop("_id"): each for each in documents}
        assert len(documents) == len(places) == len(expected) == COUNT
        assert places == expected
        assert_poison_was_set_aside(target, "store")
        assert sinks(*at, "--status") == 0
        assert sinks(*at, "--delete") == 0
        name = f"{target.pipeline.name}.store"
        wait_until(lambda: Connect(url).status(name) is None, 60, "no connector")
        assert sinks(*at, "--status") == 1
        assert "MISSING" in capsys.readouterr().out
        client.close()


def table_of(table: dict[str, Any]) -> dict[str, Any]:
    """As the tests' pipeline files are written."""
    inner = {name: table.pop(name) for name in ("settings", "catalog") if name in table}
    return {
        "sinks.store": table,
        **{
            f"sinks.store.{name}": {f'"{key}"': value for key, value in each.items()}
            for name, each in inner.items()
        },
    }


def assert_a_wrong_setting_is_named(at: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The connector itself checks it; nothing is registered."""
    wrong = ["--set", "sinks.store.settings.max.batch.size=-1"]
    assert sinks(*at, *wrong) == 1
    assert "store: max.batch.size: Invalid value -1" in capsys.readouterr().err
    assert sinks(*at, "--status") == 1
    assert "MISSING" in capsys.readouterr().out


def committed_json(target: Stream) -> dict[str, dict[str, Any]]:
    """The committed predictions by their coordinates, as the connector writes them."""
    records = read_committed(target.bootstrap, target.pipeline.predictions.topic)
    return {
        f"{record.topic()}#{record.partition()}#{record.offset()}": msgspec.json.decode(value)
        for record in records
        if (value := record.value() or b"") != POISON
    }


def counted(found: Any) -> int:
    """How many documents there are; 0 while the server is away."""
    try:
        return int(found.count_documents({}))
    except pymongo.errors.PyMongoError:
        return 0
