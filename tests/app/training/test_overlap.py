"""An overlap that files and topics have: learned both ways, and compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.pipeline.load import Pipeline
from app.training.consistency import Consistency, Seen
from app.training.learned import changes
from app.training.overlap import Overlap, learn_both_ways
from app.training.training import train
from app.trial.records import TrialRecord
from tests.app.pipeline_files import read
from tests.app.training.test_training import CUT, MIXED, ends, entries, history, told
from tests.app.trial.streams import START, TEXT, write
from tests.app.worker.committed import Kafka

BEGIN = (START + 260 * 600) * 1000
"""Milliseconds: the overlap has the orders 260 to 360."""
Changed = Callable[[dict[str, Any]], dict[str, Any] | None]


def on_topics(
    folder: Path, pipeline: Pipeline, partitions: int, changed: Changed
) -> list[TrialRecord]:
    """The records of the overlap, partition after partition; None leaves an order out."""
    kafka = Kafka(pipeline, partitions, told(folder, pipeline))
    found = []
    for at, log in sorted(kafka.logs.items()):
        for record in log:
            value, time = msgspec.json.decode(record.value()), record.timestamp()[1]
            said = changed(value) if at.topic == "shop.orders" else value
            if said is not None and BEGIN <= time < CUT:
                made = at.topic, record.offset(), record.key(), msgspec.json.encode(said), time
                found.append(TrialRecord(*made, partition_=at.partition))
    return found


def both_ways(
    folder: Path, pipeline: Pipeline, partitions: int, changed: Changed = lambda order: order
) -> Overlap:
    counts = Kafka(pipeline, partitions, []).counts
    made = history(folder, pipeline, partitions)
    made.overlap = BEGIN, frozenset()
    before = train(pipeline, replace(made, later=False).records, counts)
    offsets = ends(Kafka(pipeline, partitions, told(folder, pipeline)), pipeline, BEGIN)
    stream = on_topics(folder, pipeline, partitions, changed)
    return learn_both_ways(
        replace(made, later=True), counts, changes(before.learned(), offsets), stream
    )


@pytest.mark.parametrize(("settings", "partitions"), [({}, 1), (MIXED, 3)], ids=["one", "mixed"])
def test_both_ways_are_one(tmp_path: Path, settings: dict[str, str], partitions: int) -> None:
    write(tmp_path, orders=400)
    pipeline = read(tmp_path, TEXT, None, **settings)
    both = both_ways(tmp_path, pipeline, partitions)
    found = both.consistency
    assert found.events == found.score.compared == 101
    assert (found.equal_features, found.score.share, found.largest) == (1.0, 1.0, 0.0)
    assert not found.beyond(0.0)
    stream = told(tmp_path, pipeline)
    whole, made = Kafka(pipeline, partitions, stream), Kafka(pipeline, partitions, stream)
    at_once = train(pipeline, history(tmp_path, pipeline, partitions).records, whole.counts)
    whole.commit(changes(at_once.learned(), ends(whole, pipeline, CUT)))
    made.commit(changes(both.history.learned(), ends(made, pipeline, CUT)))
    assert entries(made, pipeline, partitions) == entries(whole, pipeline, partitions)
    assert [mark[::2] for mark in made.marks] == [mark[::2] for mark in whole.marks]


def test_what_differs_is_found_and_named(tmp_path: Path) -> None:
    pipeline = write(tmp_path, orders=400)

    def changed(order: dict[str, Any]) -> dict[str, Any] | None:
        if order["order"] == 300:
            return None
        return order | {"amount": order["amount"] + 0.25} if order["order"] == 310 else order

    found = both_ways(tmp_path, pipeline, 1, changed).consistency
    assert (found.events, found.only_history, found.only_stream) == (100, [300], [])
    amount = found.features["amount"]
    assert (amount.compared, amount.equal, amount.event) == (100, 99, 310)
    assert amount.largest == pytest.approx(0.25)
    assert found.score.compared - found.score.equal > 0
    assert found.beyond(inf)
    said = "\n".join(found.lines())
    assert "amount: 1 differ, by 0.25 at the most, in 310" in said
    assert "1 events are in the history alone, such as 300" in said


@pytest.mark.parametrize(
    ("one", "other", "largest"),
    [(1.0, 1.0, 0.0), (1.0, 1.5, 0.5), ("a", "a", 0.0), ("a", "b", inf), (None, 1.0, inf)],
)
def test_distances(one: Any, other: Any, largest: float) -> None:
    found = Consistency.of({1: Seen({"x": one}, 0.5)}, {1: Seen({"x": other}, 0.5)})
    assert (found.features["x"].largest, found.score.largest) == (largest, 0.0)
    assert found.beyond(0.25) == (largest > 0.25)


def test_an_overlap_without_events_proves_nothing() -> None:
    assert Consistency.of({}, {}).beyond(inf)
