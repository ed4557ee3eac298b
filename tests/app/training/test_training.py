"""History by a training, then the stream: what the stream alone gives from the beginning."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.kafka.partitions import TP
from app.pipeline.load import Pipeline
from app.pipeline.stages import stages
from app.replay.files import open_file
from app.replay.records import channels, records
from app.training.errors import HistoryRefused
from app.training.history import History, Known
from app.training.learned import changes
from app.training.rounds import rounds
from app.training.training import train
from app.trial.records import TrialRecord
from app.worker.processor import Counters
from app.worker.state.layout import POSITION
from app.worker.state.position import Position
from tests.app.pipeline_files import SMALLEST, read
from tests.app.trial.streams import START, TEXT, source, write
from tests.app.worker.committed import Kafka
from tests.app.worker.crew import Worker
from tests.app.worker.playing import Told

CUT = (START + 360 * 600) * 1000 + 1
ORDERS = 500
MIXED = {"learner__shared": "mix", "learner__mark": "6h", "learner__optimizer": "ftrl"}
KINDS: dict[str, dict[str, str]] = {
    "apart": {},
    "mixed": MIXED,
    "labels by id": {"labels__key": "id"},  # no entity may go by labels then
}


def told(folder: Path, pipeline: Pipeline) -> list[Told]:
    """All that the topics have, in the order of time."""
    both = source(folder)
    return [
        Told(r.topic, (r.key or b"").decode(), msgspec.json.decode(r.value), r.timestamp)
        for r in records(both, both.read(), channels(pipeline, both))
    ]


def finished(pipeline: Pipeline, kafka: Kafka) -> Worker:
    """One worker, until nothing is left."""
    worker = Worker(pipeline, kafka)
    while worker.step(97):
        worker.commit()
    worker.commit()
    return worker


def history(folder: Path, pipeline: Pipeline, partitions: int, cut: int = CUT) -> History:
    both = source(folder)
    before = both.__class__(
        both.name, lambda: (e for e in both.read() if (e.timestamp or 0) < cut), labels=both.labels
    )
    return History(pipeline, before, partitions, cut)


def ends(kafka: Kafka, pipeline: Pipeline, cut: int) -> dict[TP, int]:
    """The first record of each input at or after the cut."""
    topics = stages(pipeline)[0].inputs
    return {
        TP(topic, n): sum(1 for r in kafka.logs[TP(topic, n)] if r.timestamp()[1] < cut)
        for topic in topics
        for n in range(kafka.counts[topic])
    }


def entries(kafka: Kafka, pipeline: Pipeline, partitions: int) -> dict[tuple[str, int], Any]:
    """All that is remembered, by state topic and partition, the place of the records apart."""
    worker = Worker(pipeline, kafka)
    found = {}
    for stage in stages(pipeline):
        for n in range(kafka.counts[stage.inputs[0]]):
            store = dict(worker._restored(stage, n).entries.beginning(""))  # type: ignore[union-attr]
            position = Position.decode(store.pop(POSITION)) if POSITION in store else None
            outside = stage == stages(pipeline)[0]
            found[stage.state_topic, n] = store, position and outside and position.offsets
    return found


def outputs(kafka: Kafka, topic: str) -> Counter[bytes]:
    """The values on a topic."""
    return Counter(r.value() for n in range(kafka.counts[topic]) for r in kafka.logs[TP(topic, n)])


def both_ways(folder: Path, pipeline: Pipeline, partitions: int) -> tuple[Kafka, Kafka, Counters]:
    """The stream alone; history, then the stream; and what was done with the history."""
    stream = told(folder, pipeline)
    alone, cut = Kafka(pipeline, partitions, stream), Kafka(pipeline, partitions, stream)
    finished(pipeline, alone)
    trained = train(pipeline, history(folder, pipeline, partitions).records, cut.counts)
    cut.commit(changes(trained.learned(), ends(cut, pipeline, CUT)))
    finished(pipeline, cut)
    return alone, cut, trained.counters


@pytest.mark.parametrize(
    ("kind", "partitions"), [("apart", 1), ("apart", 3), ("mixed", 3), ("labels by id", 3)]
)
def test_history_and_then_the_stream_are_the_stream_alone(
    tmp_path: Path, kind: str, partitions: int
) -> None:
    write(tmp_path, orders=ORDERS)
    text = TEXT.replace('source = "labels"\nfeatures = ["mean(returned)"]', 'features = ["count"]')
    text = text.replace("shop_mean_returned_7d", "shop_count_7d")
    pipeline = read(tmp_path, text if kind == "labels by id" else TEXT, None, **KINDS[kind])
    alone, cut, counters = both_ways(tmp_path, pipeline, partitions)
    assert 300 < counters.predictions < ORDERS - 100
    assert cut.scores == {id_: alone.scores[id_] for id_ in cut.scores}
    assert len(cut.scores) == len(alone.scores) - counters.predictions
    by_id = {said["id"]: said for said in alone.predictions}
    assert cut.predictions == [by_id[said["id"]] for said in cut.predictions]
    assert entries(cut, pipeline, partitions) == entries(alone, pipeline, partitions)
    for topic in ("shop.alerts", "shop.metrics"):
        later, all_ = outputs(cut, topic), outputs(alone, topic)
        assert 0 < later.total() < all_.total()
        assert later <= all_


def test_one_learner_learns_as_on_the_stream(tmp_path: Path) -> None:
    write(tmp_path, orders=ORDERS)
    pipeline = read(tmp_path, TEXT, learner__shared="learner", worker__max_batch="50")
    kafka = Kafka(pipeline, 2, told(tmp_path, pipeline))
    worker = Worker(pipeline, kafka)
    while worker.step(50):
        pass
    made = history(tmp_path, pipeline, 2, cut=2**60)
    (model,) = train(pipeline, made.records, kafka.counts).models
    learner = worker.opened.tasks[TP(pipeline.rows_topic, 0)].agent.model
    assert learner is not None
    assert (model.learned, model.fingerprint()) == (learner.learned, learner.fingerprint())
    assert model.learned > 200


def test_rounds_are_cut_anywhere(tmp_path: Path) -> None:
    write(tmp_path, orders=300)
    pipeline = read(tmp_path, TEXT, None, **MIXED)
    prints = set()
    for size in ("7", "5000"):
        pipeline = read(tmp_path, TEXT, None, **MIXED, worker__max_batch=size)
        made = history(tmp_path, pipeline, 2, cut=2**60)
        counts = Kafka(pipeline, 2, []).counts
        models = train(pipeline, made.records, counts).models
        prints.add(tuple(model.fingerprint() for model in models))
    assert len(prints) == 1


def test_of_one_time_labels_go_first_then_the_smaller_partition(tmp_path: Path) -> None:
    pipeline = read(tmp_path, TEXT)

    def record(topic: str, partition: int, time: int) -> TrialRecord:
        return TrialRecord(topic, 0, None, b"", time, partition_=partition)

    given = [
        record("shop.orders", 1, 5),
        record("shop.orders", 0, 5),
        record("shop.returns", 1, 5),
        record("shop.orders", 1, 6),
    ]
    (one, other), (last,) = rounds(pipeline, given, 2)
    places = {n: part.places for n, part in ((1, one), (0, other))}
    assert places == {1: [0, 2], 0: [1]}
    assert [r.topic_ for r in one.records] == ["shop.returns", "shop.orders"]
    assert (one.last, other.last, last.last) == (False, True, True)


class TestRefused:
    """Before anything is learned or written."""

    def refusal(self, made: History) -> str:
        with pytest.raises(HistoryRefused) as error:
            list(made.records())
        return str(error.value)

    def test_a_row_that_is_not_before_the_cut(self, tmp_path: Path) -> None:
        pipeline = write(tmp_path, orders=20)
        made = History(pipeline, source(tmp_path), 1, (START + 600) * 1000)
        assert "orders.csv:3: is not before the cut" in self.refusal(made)

    def test_rows_that_are_not_in_the_order_of_time(self, tmp_path: Path) -> None:
        pipeline = write(tmp_path, orders=20)
        rows = (tmp_path / "orders.csv").read_text().splitlines()
        rows[5], rows[9] = rows[9], rows[5]
        (tmp_path / "orders.csv").write_text("\n".join(rows))
        made = History(pipeline, source(tmp_path), 1, CUT)
        assert "orders.csv:7: its time is 1,800,000 ms before" in self.refusal(made)

    def test_rows_without_times(self, tmp_path: Path) -> None:
        pipeline = write(tmp_path, orders=20)
        made = History(pipeline, open_file(str(tmp_path / "orders.csv")), 1, CUT)
        assert "orders.csv:2: has no time; name its field by --time" in self.refusal(made)

    def test_other_columns(self, tmp_path: Path) -> None:
        pipeline = write(tmp_path, orders=20)
        text = (tmp_path / "orders.csv").read_text().replace(",shop,", ",store,")
        (tmp_path / "orders.csv").write_text(text)
        made = History(pipeline, source(tmp_path), 1, CUT)
        with pytest.raises(HistoryRefused, match='no event has the field "shop", which'):
            made.require_fields()

    def test_keys_that_nobody_names(self, tmp_path: Path) -> None:
        write(tmp_path, orders=20)
        pipeline = read(tmp_path, SMALLEST)
        made = History(pipeline, source(tmp_path), 2, CUT)
        assert "no key says on which of them an event lies" in self.refusal(made)


def test_what_the_stream_brings_is_left_out(tmp_path: Path) -> None:
    pipeline = write(tmp_path, orders=20)
    late = frozenset({Known("event", 3), Known("label", 1, 0)})
    made = History(pipeline, source(tmp_path), 1, 2**60, left_out=late)
    events = [r for r in made.records() if r.topic_ == "shop.orders"]
    orders = [msgspec.json.decode(r.value_ or b"")["order"] for r in events]
    assert orders == [n for n in range(20) if n != 3]
    assert (made.skipped, made.counts["event"]) == (1, 19)
