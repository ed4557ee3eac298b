"""A task hands over exactly what it did, with the offset up to which it did it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.store import MemoryStore
from app.kafka.partitions import TP
from app.worker.state.layout import MODEL, POSITION
from app.worker.state.position import Position
from app.worker.state.restore import Restored
from app.worker.tasks import BatchMissing, Task
from learners.saved import snapshots
from tests.app.support import EVENTS, STAGE, batch, model, opened, restored


def a_task(folder: Path, offset: int | None = None) -> Task:
    return opened(folder, 0, offset=offset).tasks[TP(EVENTS, 0)]


def test_a_change_holds_all_outputs_the_model_and_the_offset_of_both(tmp_path: Path) -> None:
    task = a_task(tmp_path)
    task.process(batch(first=0, count=3, number=0))
    task.process(batch(first=7, count=2, number=1))
    change = task.take()
    assert (change.partition, change.offsets, change.events) == (0, {EVENTS: 9}, 5)
    assert change.state_topic == "p.state.v1"
    assert [len(outputs.predictions) for outputs in change.outputs] == [3, 2]
    store = restored(change).entries
    assert isinstance(store, MemoryStore)
    state = dict(store.beginning(""))
    assert Position.decode(state[POSITION]).offsets == {EVENTS: 9}
    saved, header = snapshots.load(state[MODEL], model(task))
    assert header.offsets == {EVENTS: 9}
    assert saved.fingerprint() == model(task).fingerprint()


def test_after_a_change_only_what_is_new_is_handed_over(tmp_path: Path) -> None:
    task = a_task(tmp_path)
    task.process(batch(count=3))
    assert task.dirty
    task.take()
    assert not task.dirty
    task.process(batch(first=3, count=1, number=1))
    change = task.take()
    assert (change.events, len(change.outputs), change.offsets) == (1, 1, {EVENTS: 4})


def test_a_model_that_learned_nothing_new_is_not_written_again(tmp_path: Path) -> None:
    task = a_task(tmp_path)
    unlabelled = batch(count=1)
    unlabelled.records[0].set_value(b'{"id": 1, "x": 2.0}')  # type: ignore[attr-defined]
    task.process(unlabelled)
    assert [key for key, _ in task.take().state] == [POSITION.encode()]


@pytest.mark.parametrize("number", [0, 2])
def test_a_batch_that_is_missing_or_comes_twice_is_noticed(tmp_path: Path, number: int) -> None:
    task = a_task(tmp_path)
    task.process(batch(number=0))
    with pytest.raises(BatchMissing, match=rf"{EVENTS}\[0\]: batch {number} came, 1 was expected"):
        task.process(batch(first=3, number=number))


def test_a_start_that_was_chosen_is_committed_before_any_event(tmp_path: Path) -> None:
    made = opened(tmp_path)
    made.open({(STAGE, 0): Restored({}, {EVENTS: 40}, chosen=True)})
    (task,) = made.tasks.values()
    assert task.dirty
    change = task.take()
    assert (change.offsets, change.events) == ({EVENTS: 40}, 0)
    assert [key for key, _ in change.state] == [POSITION.encode()]
