"""A state that is not as it was written is refused, with the place of what is wrong."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

import msgpack
import pytest

from app.kafka.clients import restore_consumer
from app.worker.state.layout import MODEL, POSITION
from app.worker.state.restore import Restorer, RestoreRefused
from tests.kafka.late import Sent, late, send
from tests.kafka.running import Stream, wait_until, workers
from tests.kafka.support import create_topic, produce, read_committed

MORE = """
[[entities]]
field = "card"
features = ["count"]
windows = ["1d"]
[metrics]
topic = "NAME.metrics.v1"
window = "1h"
"""


class Line(NamedTuple):
    """A record of a state topic."""

    key: bytes
    value: bytes | None


@dataclass(frozen=True)
class Saved:
    """A pipeline whose worker has stopped, and its state topic."""

    stream: Stream
    lines: list[Line]

    def last(self, prefix: bytes) -> int:
        """Where the last record of a kind is that has a value."""
        return max(i for i, line in enumerate(self.lines) if line.key.startswith(prefix))

    def restore(self, lines: Sequence[Line], name: str) -> None:
        """Restore from another state topic, which has these records."""
        create_topic(self.stream.bootstrap, name, 1)
        produce(self.stream.bootstrap, name, lines, 0)
        pipeline, kafka = self.stream.pipeline, self.stream.kafka
        assert pipeline.labels is not None
        inputs = (pipeline.events.topic, pipeline.labels.topic)
        made = Restorer(restore_consumer(pipeline, kafka), kafka.admin(), inputs, name)
        with closing(made):
            made.restore([0])


@pytest.fixture(scope="module")
def saved(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """With a model in chunks, and so many waiting events that some of them are in the base."""
    name = f"damage-{random.randrange(16**8):08x}"
    folder = tmp_path_factory.mktemp("damage")
    made = late(kafka, folder, name, "passive_aggressive", MORE, labels='expire = "8d"')
    events = [
        {"id": i, "card": f"c{i % 3}", **{f"x{i}-{j}": 1.0 for j in range(3_000)}}
        for i in range(80)
    ]
    send(made, made.pipeline.events.topic, [Sent(i, event) for i, event in enumerate(events)])
    assert made.pipeline.labels is not None
    labels = [{"id": i, "y": i % 2 == 0} for i in range(20)]
    send(made, made.pipeline.labels.topic, [Sent(100 + i, y) for i, y in enumerate(labels)])
    with workers(made, "a") as (worker,):
        wait_until(lambda: b"20" in _learned(worker.log), what="the labels")
        assert worker.stop() == 0
    lines = [
        Line(record.key() or b"", record.value())
        for record in read_committed(kafka, made.pipeline.state_topic)
    ]
    return Saved(made, lines)


def _learned(log: str) -> bytes:
    found = [part for part in log.split(", ") if part.endswith(" learned")]
    return found[-1].split()[0].encode() if found else b""


def flipped(value: bytes) -> bytes:
    return value[:-1] + bytes([value[-1] ^ 1])


def halved(value: bytes) -> bytes:
    return value[: len(value) // 2]


KINDS = {
    "position": POSITION.encode(),
    "manifest": MODEL.encode(),
    "chunk": MODEL.encode() + b"\x00",
    "log": b"log/",
    "base": b"base/",
}


def last_of(saved: Saved, kind: str) -> int:
    if kind == "manifest":
        return max(i for i, line in enumerate(saved.lines) if line.key == KINDS[kind])
    return max(
        i
        for i, line in enumerate(saved.lines)
        if line.key.startswith(KINDS[kind]) and line.value is not None and _lives(saved, i)
    )


def _lives(saved: Saved, i: int) -> bool:
    """Whether no later record of its key takes its place."""
    return all(line.key != saved.lines[i].key for line in saved.lines[i + 1 :])


def test_the_state_itself_is_taken(saved: Saved, topic_name: str) -> None:
    saved.restore(saved.lines, topic_name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [flipped, halved])
def test_a_record_that_was_changed_where_it_lies_is_refused(
    saved: Saved, topic_name: str, kind: str, change: Callable[[bytes], bytes]
) -> None:
    i = last_of(saved, kind)
    lines = list(saved.lines)
    lines[i] = Line(lines[i].key, change(lines[i].value or b""))
    with pytest.raises(RestoreRefused) as refused:
        saved.restore(lines, topic_name)
    assert f"{topic_name}[0]" in str(refused.value)
    if kind in ("manifest", "chunk", "log", "base") or (kind, change) == ("position", halved):
        assert repr(lines[i].key.partition(b"\x00")[0].decode()) in str(refused.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_that_is_gone_is_refused(saved: Saved, topic_name: str, kind: str) -> None:
    key = saved.lines[last_of(saved, kind)].key
    with pytest.raises(RestoreRefused) as refused:
        saved.restore([line for line in saved.lines if line.key != key], topic_name)
    assert f"{topic_name}[0]" in str(refused.value)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "position"])
@pytest.mark.parametrize("what", ["tombstone", "copy", "older"])
def test_what_was_written_beside_the_worker_is_refused_by_its_key_and_offset(
    saved: Saved, topic_name: str, kind: str, what: str
) -> None:
    of_kind = saved.lines[last_of(saved, kind)]
    value = {
        "tombstone": None,
        "copy": of_kind.value,
        "older": next(line.value for line in saved.lines if line.key == of_kind.key),
    }[what]
    with pytest.raises(RestoreRefused) as refused:
        saved.restore([*saved.lines, Line(of_kind.key, value)], topic_name)
    name = of_kind.key.decode().partition("\x00")[0]
    assert f"{topic_name}[0]@" in str(refused.value)
    assert repr(name) in str(refused.value)


def test_an_older_model_in_the_place_of_the_last_is_refused(saved: Saved, topic_name: str) -> None:
    """The position fits: without its digest all next scores would be wrong, without a word."""
    rest = [line for line in saved.lines if not line.key.startswith(b"model")]
    first = next(i for i, line in enumerate(saved.lines) if line.key == b"model")
    older = [line for line in saved.lines[: first + 1] if line.key.startswith(b"model")]
    with pytest.raises(RestoreRefused, match=r"'model': it is not the one .*20 learned events"):
        saved.restore([*older, *rest], topic_name)


def test_a_position_of_before_is_refused(saved: Saved, topic_name: str) -> None:
    first = next(line for line in saved.lines if line.key == POSITION.encode())
    with pytest.raises(RestoreRefused):
        saved.restore([*saved.lines, first], topic_name)


def test_a_position_that_is_there_twice_is_the_same_position(saved: Saved, topic_name: str) -> None:
    saved.restore([*saved.lines, saved.lines[saved.last(POSITION.encode())]], topic_name)


@pytest.mark.parametrize("layout", [1, 2, 3])
def test_a_state_of_an_earlier_layout_is_refused_by_name_with_what_to_do(
    saved: Saved, topic_name: str, layout: int
) -> None:
    position = msgpack.packb({"t": 5} if layout == 1 else [layout, {"offsets": {"t": 5}}])
    lines = [
        Line(b'label/"a"', b"v..."),
        Line(b"model", b"v..."),
        Line(b"position", b"v" + position),
    ]
    with pytest.raises(RestoreRefused) as refused:
        saved.restore(lines, topic_name)
    said = str(refused.value)
    assert said.startswith(f"{topic_name}[0]@2: 'position': the state is of layout {layout}, ")
    assert "riverrun model import" in said


@pytest.mark.parametrize("key", [b"\xff\xfe", b"", b"log/x"])
def test_a_record_of_somebody_else_is_refused(saved: Saved, topic_name: str, key: bytes) -> None:
    with pytest.raises(RestoreRefused) as refused:
        saved.restore([*saved.lines, Line(key, b"vx")], topic_name)
    assert f"{topic_name}[0]@{len(saved.lines)}" in str(refused.value)
