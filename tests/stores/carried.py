"""What tests of Kafka Connect share: a pipeline with a connector, kills, and dead letters."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.cli import main
from app.connect import registering
from app.connect.rest import Connect, ConnectError
from tests.kafka.running import Stream, stream, wait_until
from tests.kafka.sinks import LEARNER, PARTITIONS, as_json, send
from tests.kafka.support import produce, read_committed
from tests.stores.servers import Server
from topics.dead_letters import original_headers, reason

POISON = b"no json"
SOON = {"consumer.override.session.timeout.ms": 6000}
"""The partitions of a task that was killed are soon another's."""


def sinks(*words: str) -> int:
    """The exit code of `riverrun sinks`."""
    with pytest.raises(SystemExit) as left:
        main(["sinks", *words])
    assert isinstance(left.value.code, int)
    return left.value.code


@dataclass(frozen=True)
class Carried:
    """A pipeline whose predictions a connector `store` carries.

    Attributes:
        stream: The pipeline.
        server: Of Kafka Connect.
        url: Its REST interface.
        encode: Makes the values of predictions.
    """

    stream: Stream
    server: Server
    url: str
    encode: Callable[[dict[str, Any]], bytes] = as_json

    @property
    def words(self) -> list[str]:
        """The arguments of `riverrun sinks`."""
        return [
            *(str(self.stream.file), "--bootstrap-servers", self.stream.bootstrap),
            *("--connect", self.url),
        ]

    @property
    def topic(self) -> str:
        """Of the predictions."""
        return self.stream.pipeline.predictions.topic

    def values(self) -> dict[tuple[int, int], bytes]:
        """The committed predictions by their coordinates."""
        records = read_committed(self.stream.bootstrap, self.topic)
        found = {(m.partition() or 0, m.offset() or 0): m.value() or b"" for m in records}
        return {place: value for place, value in found.items() if value != POISON}

    def send(self, count: int, pause: float = 0.0) -> None:
        """Send predictions, some that are rolled back, and one record that is no prediction."""
        bootstrap, middle = self.stream.bootstrap, count // 2
        send(bootstrap, self.topic, range(middle), self.encode, pause)
        produce(bootstrap, self.topic, [(b"poison", POISON)], 0)
        send(bootstrap, self.topic, range(middle, count), self.encode, pause)

    def has(self, goal: int, stored: Callable[[], int]) -> bool:
        """Whether the store has so many; a task that failed goes on when it is told to."""
        with contextlib.suppress(ConnectError):  # it may just have started
            there, pipeline = Connect(self.url), self.stream.pipeline
            for status in registering.states(pipeline, there, ["store"]):
                if status.failed:
                    there.restart(status.name)
        time.sleep(1.0)  # counting is dear
        return stored() >= goal

    def survives(
        self,
        stored: Callable[[], int],
        count: int,
        kills: int,
        store: Server | None = None,
        pause: float = 0.0,
    ) -> None:
        """Kill Connect while predictions come, and the store once.

        Args:
            stored: How many rows the store has; 0 while it is away.
            count: How many predictions are sent.
            kills: How often Connect is killed, by kill -9.
            store: Killed once in the middle, and started again.
            pause: Seconds between transactions, so that there is something left to do.
        """
        sender = threading.Thread(target=self.send, args=(count, pause))
        sender.start()
        for number in range(kills):
            goal = count * (number + 1) // (kills + 2)
            wait_until(lambda goal=goal: self.has(goal, stored), 300, f"{goal} records")
            self.server.restart()
            if store is not None and number == kills // 2:
                store.restart()
        sender.join(600)
        wait_until(lambda: self.has(count, stored), 300, f"{count} records")


def carried(
    bootstrap: str,
    folder: Path,
    name: str,
    made: tuple[Server, str],
    table: dict[str, Any],
    **others: Any,
) -> Carried:
    """A pipeline with the sink `store`, not registered yet.

    Args:
        bootstrap: Of the broker.
        folder: Of the pipeline file.
        name: Of the pipeline.
        made: A Connect.
        table: `[sinks.store]`; tables in it are those of a client.
        others: More tables of the file; `encode`, as of `Carried`.
    """
    encode = others.pop("encode", as_json)
    inner = {key: each for key, each in table.items() if isinstance(each, dict)}
    tables = {
        "sinks.store": {key: each for key, each in table.items() if key not in inner},
        **{
            f"sinks.store.{key}": {f'"{setting}"': value for setting, value in each.items()}
            for key, each in inner.items()
        },
    }
    target = stream(bootstrap, folder, name, LEARNER, PARTITIONS, **tables, **others)
    return Carried(target, *made, encode)


def assert_poison_was_set_aside(target: Carried) -> None:
    """It lies on the dead-letter topic of the sink, once or more, with its coordinates."""
    name = f"{target.stream.pipeline.name}.store.dead-letters.v1"
    letters = read_committed(target.stream.bootstrap, name)
    assert letters
    for letter in letters:
        headers: Any = letter.headers() or []
        why = reason(headers)
        assert letter.value() == POISON
        assert (why.topic, why.partition) == (target.topic, 0)
        assert "JsonConverter" in why.message or "Converting" in why.message
        assert original_headers(headers) == []
