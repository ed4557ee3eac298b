"""One learner for all partitions: its model is a function of the log of rows alone."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Message

from agents.agent import Agent
from agents.outputs import Outputs
from agents.shared.rows import RowBlock
from app.kafka.partitions import TP
from app.pipeline.load import Pipeline, load_pipeline
from app.pipeline.models import new_model
from app.pipeline.stages import Stage, stages
from app.worker.state.layout import MODEL
from app.worker.state.restore import Restored
from app.worker.task_builder import TaskBuilder
from app.worker.tasks import Change
from learners.base import Features
from learners.engine.rows import Rows
from learners.model import UNLABELLED, Model
from learners.saved import snapshots
from tests.app.support import Opened, model, restored
from tests.learners.own_state import Saved
from topics.records import Batch, Prediction

EVENTS, LABELS, ROWS, VERSIONS = "cards", "verdicts", "p.rows.v1", "p.versions.v1"
NAMES = ("a", "b", "c")
FILE = """
name = "p"
[events]
topic = "cards"
id = "id"
features = ["a", "b", "c"]
[labels]
topic = "verdicts"
expire = "30d"
[predictions]
topic = "said"
[learner]
shared = "learner"
"""


def pipeline(folder: Path, learner: str = "logistic_regression") -> Pipeline:
    file = folder / "p.toml"
    scale = "" if ":" in learner else "scale = true\n"
    file.write_text(f'{FILE}type = "{learner}"\n{scale}')
    return load_pipeline(file, environ={})


def history(events: int = 400, seed: int = 7) -> list[tuple[str, dict[str, Any]]]:
    """Events, and their labels 60 records later, in the order of time."""
    draw, found = random.Random(seed), []
    said = [
        {"id": n, "a": draw.gauss(0, 1), "b": draw.random(), "c": float(draw.randrange(3))}
        for n in range(events)
    ]
    for n, event in enumerate([*said, *[None] * 60]):
        if event is not None:
            found.append((EVENTS, event))
        if n >= 60:
            late = said[n - 60]
            truth = late["a"] + late["b"] > 0.5
            found.append((LABELS, {"id": late["id"], "label": truth}))
    return found


def rounds(
    partitions: int, size: int = 50, stream: Sequence[tuple[str, dict[str, Any]]] | None = None
) -> Iterator[list[Batch]]:
    """What a worker with all partitions reads: in the order of time, cut by partition."""
    offsets = defaultdict[TP, int](int)
    stream = history() if stream is None else stream
    for first in range(0, len(stream), size):
        parts = defaultdict[int, list[tuple[int, Any]]](list)
        for place, (topic, said) in enumerate(stream[first : first + size], first):
            number = said["id"] % partitions
            at = TP(topic, number)
            value, time = msgspec.json.encode(said), (1, 1_000 + place)
            record = Message(*at, offsets[at], b"k", value, timestamp=time)
            offsets[at] += 1
            parts[number].append((place, record))
        batches = []
        for number, found in parts.items():
            places, records = zip(*found, strict=True)
            ends = {t: offsets[TP(t, number)] for t in (EVENTS, LABELS)}
            last = number == list(parts)[-1]
            batches.append(Batch(EVENTS, number, records, None, 0, ends, places, last))
        yield batches


class Play:
    """A worker without Kafka: it commits after each round, and what it commits is kept.

    Args:
        folder: For the pipeline file.
        partitions: Of the events.
        at_once: Whether rows are handed over in memory; else they are records.
        learner: Its type.
    """

    def __init__(
        self,
        folder: Path,
        partitions: int,
        *,
        at_once: bool = True,
        learner: str = "logistic_regression",
    ) -> None:
        self.pipeline = pipeline(folder, learner)
        self.opened = Opened(self.pipeline, {EVENTS: partitions, ROWS: 1})
        self.partitions, self.at_once = partitions, at_once
        self.said: dict[Any, tuple[int, float | None]] = {}
        self.versions: dict[int, bytes] = {}
        self.letters: list[bytes | None] = []
        self.log: list[bytes] = []
        self.saved: dict[TP, tuple[dict[bytes, bytes | None], dict[str, int]]] = {}
        self.restart()

    def restart(self) -> None:
        """Go on with what was committed last; all else is gone."""
        fresh = {
            (stage, n): self._restored(stage, n)
            for stage in stages(self.pipeline)
            for n in range(stage.partitions or self.partitions)
        }
        self.opened.open(fresh, at_once=self.at_once)

    def _restored(self, stage: Stage, partition: int) -> Restored:
        state, offsets = self.saved.get(TP(stage.state_topic, partition), ({}, {}))
        made = restored(Change(partition, offsets, [], stage.state_topic, list(state.items()), 0))
        return replace(made, offsets=dict.fromkeys(stage.inputs) | offsets)

    def process(self, batch: Batch) -> bool:
        """A batch, whatever came before it."""
        task = self.opened.tasks[TP(batch.topic, batch.partition)]
        return self.opened.process(replace(batch, number=task.batches))

    def play(self, batches: Sequence[Batch]) -> None:
        """One round, and the learner's part of it."""
        for batch in batches:
            assert self.process(batch)
        self.commit()
        if not self.at_once:
            assert self.learn()

    def learn(self) -> bool:
        """The learner reads what is there of the rows topic; False where that voids all."""
        rest = range(self.opened.tasks[TP(ROWS, 0)].offsets.get(ROWS, 0), len(self.log))
        records: list[Any] = [Message(ROWS, 0, n, None, self.log[n]) for n in rest]
        sound = not records or self.process(Batch(ROWS, 0, records))
        self.commit()
        return sound

    def commit(self) -> None:
        """All that is due."""
        for task in self.opened.assignment.due:
            change = task.take()
            for outputs in change.outputs:
                self._keep(outputs)
            task.committed(change)
            state, _ = self.saved.get(TP(change.state_topic, change.partition), ({}, {}))
            for key, value in change.state:
                state.pop(key, None)
                state[key] = value
            self.saved[TP(change.state_topic, change.partition)] = state, dict(change.offsets)
            if task.state_topic == VERSIONS and MODEL in task.own_entries:
                self.versions[model(task).learned] = task.own_entries[MODEL]

    def _keep(self, outputs: Outputs) -> None:
        for _, value in outputs.predictions:
            said = msgspec.json.decode(value, type=Prediction)
            assert said.id not in self.said
            self.said[said.id] = said.model.version, said.score
        for record in outputs.others:
            if record.topic == ROWS and record.value is not None:
                self.log.append(record.value)
                if record.on_delivery is not None:
                    record.on_delivery(None, Message(ROWS, 0, len(self.log) - 1))
        self.letters += [letter.value for letter in outputs.dead_letters]

    @property
    def learner(self) -> Model:
        """The model of the one learner."""
        return model(self.opened.tasks[TP(ROWS, 0)])


def played(folder: Path, partitions: int, **how: Any) -> Play:
    made = Play(folder, partitions, **how)
    for batches in rounds(partitions):
        made.play(batches)
    return made


def offline(made: Play, log: Sequence[bytes]) -> Model:
    """The plain loop: one row after another, in the order of the log."""
    learner = new_model(made.pipeline)
    for block in map(RowBlock.decode, log):
        for row, label in zip(block.rows, block.labels, strict=True):
            learner.run(RowBlock(NAMES, [row]).features(), [label])
    return learner


def values(block: bytes) -> tuple[Any, ...]:
    made = RowBlock.decode(block)
    return made.names, made.rows, made.labels, made.origins


@pytest.mark.parametrize("partitions", [1, 4])
def test_the_model_is_that_of_a_plain_loop_over_the_log_of_rows(
    tmp_path: Path, partitions: int
) -> None:
    made = played(tmp_path, partitions, at_once=False)
    assert made.learner.learned == 400
    assert made.learner.fingerprint() == offline(made, made.log).fingerprint()


def test_rows_in_memory_give_the_same_model_and_the_same_scores(tmp_path: Path) -> None:
    by_kafka, at_once = (played(tmp_path, 4, at_once=how) for how in (False, True))
    assert [values(block) for block in at_once.log] == [values(block) for block in by_kafka.log]
    assert at_once.learner.fingerprint() == by_kafka.learner.fingerprint()
    assert at_once.said == by_kafka.said


def test_four_partitions_score_as_one_does(tmp_path: Path) -> None:
    one, four = played(tmp_path, 1), played(tmp_path, 4)
    assert len(one.said) == 400
    assert four.said == one.said
    assert four.learner.fingerprint() == one.learner.fingerprint()


def test_every_score_can_be_computed_again_from_the_version_that_it_names(tmp_path: Path) -> None:
    made = played(tmp_path, 4)
    features = {said["id"]: said for topic, said in history() if topic == EVENTS}
    empty = new_model(made.pipeline)
    for id_, (version, score) in made.said.items():
        scorer = empty
        if version:
            scorer, _ = snapshots.load(made.versions[version], new_model(made.pipeline))
            assert scorer.learned == version
        row = Rows.from_dicts([{name: features[id_][name] for name in NAMES}])
        assert scorer.run(row, [UNLABELLED]).scores == [score]
    assert len({version for version, _ in made.said.values()}) > 5


def test_a_version_is_taken_once_it_is_committed_and_not_before(tmp_path: Path) -> None:
    made = Play(tmp_path, 1)
    newest = made.opened.builder.versions
    assert newest is not None
    for batches in rounds(1):
        for batch in batches:
            before = newest.model
            made.process(batch)
            assert newest.model is before
        made.commit()
        assert newest.model.learned == made.learner.learned
        assert newest.model.fingerprint() == made.learner.fingerprint()
        assert newest.model is not made.learner


@pytest.mark.parametrize("at_once", [False, True])
def test_what_is_killed_goes_on_to_the_same_model_and_the_same_scores(
    tmp_path: Path, at_once: bool
) -> None:
    whole, made = (played(tmp_path, 2, at_once=at_once), Play(tmp_path, 2, at_once=at_once))
    for n, batches in enumerate(rounds(2)):
        if n in (3, 7):
            made.process(batches[0])  # in the middle of a round
            made.restart()
        made.play(batches)
    assert made.said == whole.said
    assert made.log == whole.log
    assert made.learner.fingerprint() == whole.learner.fingerprint()


def test_the_learner_may_be_away_and_catches_up(tmp_path: Path) -> None:
    whole, made = (played(tmp_path, 2, at_once=False), Play(tmp_path, 2, at_once=False))
    for n, batches in enumerate(rounds(2)):
        for batch in batches:
            made.process(batch)
        made.commit()
        if not 2 <= n <= 6:
            made.learn()
    assert len(made.said) == 400
    assert made.log == whole.log
    assert made.learner.fingerprint() == whole.learner.fingerprint()


class Fussy(Saved):
    """A learner that fails to learn an event whose feature `c` is above 1."""

    task = "binary"

    def predict_one(self, x: Features) -> bool:
        return False

    def learn_one(self, x: Features, y: bool) -> None:
        if x["c"] > 1:
            raise RuntimeError("too much")


def test_a_row_that_cannot_be_learned_is_set_aside_and_the_rest_is_learned(tmp_path: Path) -> None:
    made = Play(tmp_path, 1, at_once=False, learner="tests.app.worker.test_shared:Fussy")
    stream = history(90)
    (first,) = rounds(1, 1_000, stream)
    bad = [said["id"] for _, said in stream if said.get("c", 0) > 1]
    for batch in first:
        made.process(batch)
    made.commit()
    for _ in bad:
        assert not made.learn()
        made.restart()
    assert made.learn()
    assert made.learner.learned == 90 - len(bad)
    assert [msgspec.json.decode(value)["id"] for value in made.letters if value] == bad


def test_a_block_of_another_version_becomes_a_dead_letter(tmp_path: Path) -> None:
    made = Play(tmp_path, 1, at_once=False)
    made.log = [b"\xc1", msgspec.msgpack.encode([9, False, None, [], [], []])]
    assert made.learn()
    assert made.letters == made.log
    assert made.learner.learned == 0


def test_rows_that_were_handed_over_in_memory_are_not_learned_again(tmp_path: Path) -> None:
    whole, made = played(tmp_path, 2), Play(tmp_path, 2)
    for n, batches in enumerate(rounds(2)):
        if n in (3, 6):  # another worker comes, and goes: rows go by Kafka for a while
            made.at_once = not made.at_once
            made.restart()
            assert made.learn()
        made.play(batches)
    assert [values(block) for block in made.log] == [values(block) for block in whole.log]
    assert made.learner.fingerprint() == whole.learner.fingerprint()
    assert made.learner.fingerprint() == offline(made, made.log).fingerprint()
    assert made.said == whole.said


def test_the_scorer_is_warmed_up_though_the_learner_is_the_last_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm: list[Agent] = []
    monkeypatch.setattr(Agent, "warm_up", lambda agent: warm.append(agent))
    made = pipeline(tmp_path)
    TaskBuilder(made).warm_up(new_model(made))
    assert len(warm) == len(stages(made)) - 1
