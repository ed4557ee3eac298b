"""A history in parts, each by a process of its own."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from msgspec.msgpack import encode

from agents import state_keys
from agents.labels.counts import JoinCounts, restored
from agents.state import State
from app.pipeline.load import Pipeline
from app.pipeline.stages import stages
from app.training.errors import HistoryRefused
from app.training.exchange import MarkServer, Meets
from app.training.history import History
from app.training.joined import joined, mixing
from app.training.learned import Learned, changes
from app.training.local import learn_in_parts
from app.training.training import train
from learners.model import Model
from tests.app.pipeline_files import SMALLEST, read
from tests.app.training.test_training import CUT, MIXED, ends, entries, history, told
from tests.app.trial.streams import TEXT, write
from tests.app.worker.committed import Kafka

ORDERS = 420


def opened(folder: Path, pipeline: Pipeline, partitions: int, cut: int) -> History:
    """For another process."""
    return history(folder, pipeline, partitions, cut)


def learned(folder: Path, pipeline: Pipeline, partitions: int, workers: int) -> list[Learned]:
    new = partial(opened, folder, pipeline, partitions, CUT)
    states, counters, read_ = learn_in_parts(pipeline, new, partitions, workers)
    assert read_.counts["event"] == 361
    assert counters.predictions == 360
    return states


@pytest.mark.parametrize("settings", [{}, MIXED], ids=["apart", "mixed"])
def test_parts_that_are_partitions_learn_what_one_worker_learns(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    write(tmp_path, orders=ORDERS)
    pipeline = read(tmp_path, TEXT, None, **settings)
    stream = told(tmp_path, pipeline)
    one, parts = Kafka(pipeline, 2, stream), Kafka(pipeline, 2, stream)
    alone = train(pipeline, history(tmp_path, pipeline, 2).records, one.counts)
    one.commit(changes(alone.learned(), ends(one, pipeline, CUT)))
    parts.commit(changes(learned(tmp_path, pipeline, 2, 2), ends(parts, pipeline, CUT)))
    assert entries(parts, pipeline, 2) == entries(one, pipeline, 2)
    assert sorted(mark[::2] for mark in parts.marks) == sorted(mark[::2] for mark in one.marks)


def test_more_parts_than_partitions_have_the_past_of_all_and_one_model(tmp_path: Path) -> None:
    write(tmp_path, orders=ORDERS)
    pipeline = read(tmp_path, TEXT, None, learner__optimizer="ftrl")
    counts = Kafka(pipeline, 1, []).counts
    alone = train(pipeline, history(tmp_path, pipeline, 1).records, counts).learned()
    parts = learned(tmp_path, pipeline, 1, 2)
    assert [each.partition for each in parts] == [0, 0]
    for one, other in zip(alone, parts, strict=True):
        assert other.stage.state_topic == one.stage.state_topic
        left = {key for key in one.entries if key.startswith(("decisions/", "judge/", "frozen"))}
        assert other.entries.keys() == one.entries.keys() - left
    # What cards did before is the same: none of it depends on the model.
    assert {k: v for k, v in parts[0].entries.items() if k.startswith("entity/0/")} == {
        k: v for k, v in alone[0].entries.items() if k.startswith("entity/0/")
    }
    models = _model(alone[-1]), _model(parts[-1])
    assert models[0].learned == models[1].learned > 50
    assert 0 < abs(_weight(models[0]) - _weight(models[1])) < abs(_weight(models[0]))


@pytest.mark.parametrize("times", [(5, 9), (9, 5)])
def test_a_partition_has_the_latest_clock_and_all_counts_of_its_parts(
    tmp_path: Path, times: tuple[int, int]
) -> None:
    stage = stages(read(tmp_path, TEXT, None))[0]
    parts = []
    for number, time in enumerate(times):
        counts = State()
        JoinCounts(learned=time, expired=1, expired_time=time, expired_at=2 * time).save(counts)
        entries = {
            state_keys.LABEL_TIME: encode(time),
            f"{state_keys.ENTITY}0": b"\1" + encode({"clock": time}),
            state_keys.LABEL_COUNTS: counts.get(state_keys.LABEL_COUNTS) or b"",
        }
        parts.append(Learned(stage, number, entries))
    (made,) = joined(parts, 1)
    assert made.entries[state_keys.LABEL_TIME] == encode(9)
    assert made.entries[f"{state_keys.ENTITY}0"][1:] == encode({"clock": 9})
    counted = restored(made.entries[state_keys.LABEL_COUNTS])
    assert (counted.learned, counted.expired) == (14, 2)
    assert [each.partition for each in joined(parts, 2)] == [0, 1]


def _model(state: Learned) -> Model:
    assert state.model is not None
    return state.model


def _weight(model: Model) -> float:
    before: float = model.score({"amount": 20.0, "items": 1.0}) or 0.0
    after: float = model.score({"amount": 200.0, "items": 1.0}) or 0.0
    return after - before


class TestRefused:
    def test_one_learner(self, tmp_path: Path) -> None:
        pipeline = read(tmp_path, TEXT, learner__shared="learner")
        with pytest.raises(HistoryRefused, match='shared = "learner", which learns all labels'):
            mixing(pipeline, 2, 2)

    def test_the_past_of_a_whole_partition(self, tmp_path: Path) -> None:
        text = SMALLEST + '[[entities]]\nfeatures = ["count"]\n'
        with pytest.raises(HistoryRefused, match="take --workers 1 at most"):
            mixing(read(tmp_path, text), 2, 1)

    def test_a_learner_that_cannot_be_mixed(self, tmp_path: Path) -> None:
        pipeline = read(tmp_path, SMALLEST, learner__type="k_means")
        with pytest.raises(HistoryRefused, match="cannot mix what they learn"):
            mixing(pipeline, 2, 1)
        assert mixing(pipeline, 2, 2) is pipeline


def test_each_part_hears_all_in_their_order() -> None:
    server = MarkServer(2)
    try:
        one, other = Meets(server.meeting, 1), Meets(server.meeting, 0)
        one._connection.send_bytes(b"b")
        assert other(b"a") == [b"a", b"b"]
        assert one._connection.recv_bytes()
        one.close()
        with pytest.raises((EOFError, OSError)):
            other(b"c")
    finally:
        server.close()
