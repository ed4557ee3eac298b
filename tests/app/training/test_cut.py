"""The cut: nothing is learned twice behind it, nothing is left out before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Message

from app.kafka.partitions import TP
from app.pipeline.load import Pipeline
from app.training.cut import Cut, find_cut, require_no_gap
from app.training.errors import CutRefused
from app.training.history import History, Known
from tests.app.pipeline_files import SMALLEST, read
from tests.app.training.test_training import CUT, history, told
from tests.app.trial.streams import START, write
from tests.app.worker.committed import Kafka
from tests.app.worker.playing import Told

BEFORE = CUT - 60_000


class Topics:
    """Reads what lies on the topics, as a `Reader`.

    Args:
        kafka: The topics.
        gone: So many records at the beginning of each partition were deleted.
    """

    def __init__(self, kafka: Kafka, gone: int = 0) -> None:
        self.kafka, self.gone = kafka, gone

    def starts(self, topic: str) -> dict[int, int]:
        return {n: min(self.gone, len(log)) for n, log in self._logs(topic)}

    def at(self, topic: str, time: int) -> dict[int, int]:
        """The first one at or after the time; what lies behind it may be earlier."""
        return {
            n: next((i for i, r in there if r.timestamp()[1] >= time), len(log))
            for n, log in self._logs(topic)
            for there in [list(enumerate(log))[self.gone :]]
        }

    def read(self, topic: str, start: Mapping[int, int]) -> Iterator[Message]:
        for n, log in self._logs(topic):
            yield from log[start[n] :]

    def _logs(self, topic: str) -> list[tuple[int, list[Any]]]:
        return [(n, self.kafka.logs[TP(topic, n)]) for n in range(self.kafka.counts[topic])]


def topics(folder: Path, pipeline: Pipeline, partitions: int, *more: Told, gone: int = 0) -> Any:
    """The whole stream, and what came later."""
    return Topics(Kafka(pipeline, partitions, [*told(folder, pipeline), *more]), gone)


def order(folder: Path, pipeline: Pipeline, number: int, time: int) -> Told:
    """An order as it was, at another time."""
    (found,) = (
        each
        for each in told(folder, pipeline)
        if each.topic == "shop.orders" and each.value["order"] == number
    )
    return found._replace(time=time)


def test_the_stream_goes_on_at_the_first_record_of_its_time(tmp_path: Path) -> None:
    pipeline = write(tmp_path, orders=400)
    cut = find_cut(pipeline, topics(tmp_path, pipeline, 2), CUT)
    assert cut.late == frozenset()
    for (topic, number), offset in cut.offsets.items():
        log = topics(tmp_path, pipeline, 2).kafka.logs[TP(topic, number)]
        assert all(r.timestamp()[1] < CUT for r in log[:offset])
        assert all(r.timestamp()[1] >= CUT for r in log[offset:])
    assert sum(cut.offsets[TP("shop.orders", n)] for n in range(2)) == 361


def test_what_comes_late_is_left_to_the_stream(tmp_path: Path) -> None:
    pipeline = write(tmp_path, orders=400)
    label = next(each for each in told(tmp_path, pipeline) if each.topic == "shop.returns")
    late = order(tmp_path, pipeline, 300, BEFORE), label._replace(time=BEFORE)
    cut = find_cut(pipeline, topics(tmp_path, pipeline, 2, *late), CUT)
    known = Known("event", 300), Known("label", label.value["order"], BEFORE)
    assert cut.late == frozenset(known)
    made = history(tmp_path, pipeline, 2)
    made.left_out = cut.late
    orders = [
        msgspec.json.decode(record.value_ or b"")["order"]
        for record in made.records()
        if record.topic_ == "shop.orders"
    ]
    assert 300 not in orders
    assert len(orders) == 360


def test_what_comes_late_without_an_id_is_refused(tmp_path: Path) -> None:
    pipeline = read(tmp_path, SMALLEST)
    topic = pipeline.events.topic
    stream = [Told(topic, "k", {"x": n}, time) for n, time in enumerate((1_000, 9_000, 2_000))]
    reader: Any = Topics(Kafka(pipeline, 1, stream))
    with pytest.raises(CutRefused, match=r"\[0\]@2: lies behind the cut and is earlier, and"):
        find_cut(pipeline, reader, 5_000)
    assert find_cut(pipeline, reader, 1_500).offsets == {TP(topic, 0): 1}


def test_records_that_may_be_deleted_are_refused(tmp_path: Path) -> None:
    pipeline = write(tmp_path, orders=400)
    time = START * 1000 + 20 * 600_000
    assert find_cut(pipeline, topics(tmp_path, pipeline, 1, gone=5), CUT).time == CUT
    with pytest.raises(CutRefused, match=r"shop.orders\[0\]: begins at offset 200, and nothing"):
        find_cut(pipeline, topics(tmp_path, pipeline, 1, gone=200), time)


def test_a_key_on_another_partition_is_refused(tmp_path: Path) -> None:
    pipeline = write(tmp_path, orders=400)
    found = topics(tmp_path, pipeline, 2)
    record = found.kafka.logs[TP("shop.orders", 0)][-1]
    found.kafka._append("shop.orders", record.key(), record.value(), 1, record.timestamp()[1])
    with pytest.raises(CutRefused, match=r"\[1\]@\d+: its key b'c\d+' would lie on partition 0"):
        find_cut(pipeline, found, CUT)


class TestNoGap:
    """Between the end of the history and the cut nothing lies on the topics."""

    def gap(self, folder: Path, until: int) -> None:
        pipeline = write(folder, orders=400)
        reader = topics(folder, pipeline, 2)
        cut: Cut = find_cut(pipeline, reader, CUT)
        made: History = history(folder, pipeline, 2, cut=until)
        assert list(made.records())
        require_no_gap(reader, cut, made)

    def test_a_history_that_reaches_up_to_the_cut(self, tmp_path: Path) -> None:
        self.gap(tmp_path, CUT)

    def test_one_that_ends_before(self, tmp_path: Path) -> None:
        with pytest.raises(CutRefused, match=r"\[\d\]: the history's events end at 2023-"):
            self.gap(tmp_path, CUT - 3_600_000)
