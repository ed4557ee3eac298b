"""Batches go to the tasks of their assignment, and to no others."""

from __future__ import annotations

import gc
import logging
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgpack
import pytest

from agents.evaluation.baselines import KEY, Frozen
from agents.state import State
from app import inspection
from app.kafka.partitions import TP
from app.kafka.settings import KafkaSettings
from app.model_import import ImportRefused, import_model
from app.pipeline.models import new_model
from app.worker.processor import Counters
from app.worker.state.layout import MODEL
from app.worker.state.restore import Restored, RestoreRefused
from learners.base import Features
from learners.errors import SnapshotMismatch
from tests.app.support import EVENTS, STAGE, Opened, batch, model, opened, pipeline, restored
from tests.learners.forged import downloading, sealed
from tests.learners.own_state import Saved

AT = TP(EVENTS, 0)


def test_a_batch_changes_its_own_task_alone(tmp_path: Path) -> None:
    made = opened(tmp_path, 0, 1)
    assert made.process(batch(partition=1))
    assert [task.events for task in made.tasks.values()] == [0, 3]
    counters = made.counters
    assert (counters.events, counters.predictions, counters.learned) == (3, 3, 3)


def test_a_batch_of_an_earlier_assignment_is_dropped(tmp_path: Path) -> None:
    made = opened(tmp_path, 0)
    late = replace(batch(), assignment=made.assignment)
    made.open({(STAGE, 0): Restored({}, {EVENTS: None})})
    assert made.processor.process(late), "nothing needs to be restored for it"
    assert made.counters.events == 0
    assert not made.tasks[AT].dirty


def test_a_batch_of_a_partition_that_went_is_dropped(tmp_path: Path) -> None:
    made = opened(tmp_path, 0)
    made.assignment.drop()
    assert made.process(batch())
    assert made.counters.events == 0


def test_what_was_saved_is_what_the_next_task_begins_with(tmp_path: Path) -> None:
    made = opened(tmp_path, 0)
    made.process(batch())
    saved = restored(made.tasks[AT].take())
    heir = Opened(pipeline(tmp_path))
    heir.open({(STAGE, 0): saved})
    assert heir.tasks[AT].offsets == {EVENTS: 3}
    assert model(heir.tasks[AT]).fingerprint() == model(made.tasks[AT]).fingerprint()


def test_a_model_of_another_learner_is_refused_by_name(tmp_path: Path) -> None:
    made = opened(tmp_path, 0)
    made.process(batch())
    saved = restored(made.tasks[AT].take())
    other = Opened(pipeline(tmp_path, "svm"))
    with pytest.raises(RestoreRefused, match=r"p\.state\.v1\[0\].*passive_aggressive.*svm"):
        other.open({(STAGE, 0): saved})


class Fussy(Saved):
    """A learner that fails to learn the event with x = 1."""

    task = "binary"

    def predict_one(self, x: Features) -> bool:
        return False

    def learn_one(self, x: Features, y: bool) -> None:
        if x["x"] == 1:
            raise RuntimeError("no ones")


def test_an_event_that_fails_to_be_learned_voids_all_tasks_and_is_set_aside_the_next_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = Opened(pipeline(tmp_path, "tests.app.worker.test_processor:Fussy"))
    fresh = {(STAGE, p): Restored({}, {EVENTS: None}) for p in (0, 1)}
    made.open(fresh)
    with caplog.at_level(logging.WARNING):
        assert not made.process(batch())
    assert "cards[0]@1: no ones; it becomes a dead letter" in caplog.text
    assert not made.tasks
    made.open(fresh)
    assert made.process(batch())
    assert (made.counters.predictions, made.counters.dead_letters) == (2, 1)


def test_the_pace_is_that_of_the_last_batches() -> None:
    counters = Counters()
    assert counters.seconds_per_event is None
    for _ in range(1_000):
        counters.took(1_000, 0.01)
    assert counters.seconds_per_event == pytest.approx(0.00001)
    for _ in range(4):
        counters.took(10, 0.5)
    assert counters.seconds_per_event == pytest.approx(0.05, rel=0.1)


def test_an_event_that_fails_to_be_learned_keeps_no_state_in_memory(tmp_path: Path) -> None:
    made = Opened(pipeline(tmp_path, "tests.app.worker.test_processor:Fussy"))
    made.open({(STAGE, 0): Restored({}, {EVENTS: None})})
    held: list[Any] = [weakref.ref(getattr(made.tasks[AT], n)) for n in ("state", "agent")]
    gc.collect()
    gc.disable()
    try:
        assert not made.process(batch())
        assert [ref() for ref in held] == [None, None]
    finally:
        gc.enable()


def test_a_forged_model_writes_no_file_on_any_way_into_a_pipeline(tmp_path: Path) -> None:
    named, file = pipeline(tmp_path), tmp_path / "forged"
    made = Opened(named)
    data = sealed(new_model(named), body="pickle", bytes=downloading(file))
    with pytest.raises(RestoreRefused, match="a body of 'pickle' instead of 'msgpack'"):
        made.open({(STAGE, 0): Restored({MODEL: data}, {EVENTS: 1})})
    with pytest.raises(ImportRefused, match="a body of 'pickle' instead of 'msgpack'"):
        import_model(named, KafkaSettings("127.0.0.1:1"), data)
    looked, problem = inspection._learner(named, data, None)
    assert looked is None
    assert "a body of 'pickle'" in str(problem)
    frozen = msgpack.packb((0, data))
    with pytest.raises(SnapshotMismatch, match="a body of 'pickle'"):
        Frozen(State({KEY: frozen}), new_model(named), 1000)
    assert not file.exists()
