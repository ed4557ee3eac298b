"""A batch of Avro waits for its schemas, beside the event loop."""

from __future__ import annotations

import asyncio
import struct
import threading
from pathlib import Path

import pytest

pytest.importorskip("fastavro", reason="fastavro (the extra `avro`)")
pytest.importorskip("confluent_kafka.schema_registry", reason="the extra `avro`")

from app.errors import RegistryAway
from app.kafka import registry
from app.trial.records import TrialRecord
from app.worker.input import schemas
from tests.app.pipeline_files import SMALLEST, read
from topics.records import Batch

AVRO = SMALLEST.replace("[events]\n", '[events]\nformat = "avro"\n')
URL = '[registry]\nurl = "http://registry:8081"\n'


class Away:
    """A registry that answers at the third question, and knows one schema: 7."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, bool]] = []
        self._answered: set[int] = set()

    def knows(self, id_: int) -> bool:
        return id_ in self._answered

    def schema(self, id_: int, patience: float) -> str | None:
        self.asked.append((id_, threading.current_thread() is threading.main_thread()))
        if len(self.asked) < 3:
            raise RegistryAway("schema registry http://registry:8081: no answer")
        self._answered.add(id_)
        return '"string"' if id_ == 7 else None


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Away:
    made = Away()
    monkeypatch.setattr(registry, "registry_of", lambda table: made)
    monkeypatch.setattr(schemas, "AGAIN_SECONDS", 0.01)
    return made


def test_it_waits_for_each_schema_once_and_says_so_once(
    away: Away, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline = read(tmp_path, AVRO + URL)
    topic = pipeline.events.topic
    values = [struct.pack(">BI", 0, id_) + b"\2a" for id_ in (7, 7, 8)]
    values += [b"{}", b"not avro at all"]
    records = [TrialRecord(topic, n, None, value) for n, value in enumerate([*values, None])]
    asyncio.run(schemas.Schemas(pipeline).known(Batch(topic, 0, records)))
    assert away.asked == [(7, False)] * 3 + [(8, False)]
    waits = [line for line in caplog.messages if "nothing is lost" in line]
    assert len(waits) == 1
    assert waits[0].startswith(f"{topic}[0]@0 waits")


def test_a_topic_of_another_format_is_not_looked_at(away: Away, tmp_path: Path) -> None:
    pipeline = read(tmp_path, AVRO + URL)
    records = [TrialRecord("another", 0, None, struct.pack(">BI", 0, 7))]
    asyncio.run(schemas.Schemas(pipeline).known(Batch("another", 0, records)))
    assert away.asked == []
