"""Partitions that mix their models: the same scores however many workers, whatever is killed."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from confluent_kafka import KafkaError, Message

from agents.shared.mark import Mark
from agents.shared.marks import MarksRefused
from app.kafka.partitions import TP
from app.pipeline.load import Pipeline, load_pipeline
from app.pipeline.stages import mark_length, stages
from app.worker.input.mark_reader import MarkReader, Read
from app.worker.input.rounds import Rounds
from app.worker.mixed_model import MarksMissing, MixedModel
from app.worker.state.restore import Restored
from app.worker.tasks import Change
from learners.model import UNLABELLED
from tests.app.support import Opened, restored
from tests.mixed_loop import Step, plain_loop
from topics.records import Batch, Prediction

EVENTS, LABELS, MARKS = "cards", "verdicts", "p.marks.v1"
NAMES = ("a", "b", "c")
PARTITIONS, MARK = 4, 100
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
shared = "mix"
mark = "100ms"
scale = true
"""
FTRL = 'type = "logistic_regression"\noptimizer = "ftrl"\nlearning_rate = 0.1\n'
BINS = '[[learner.steps]]\ntype = "quantile_bins"\n'


def pipeline(folder: Path, learner: str = FTRL + BINS) -> Pipeline:
    file = folder / "p.toml"
    file.write_text(FILE + learner)
    return load_pipeline(file, environ={})


Sent = tuple[int, str, int, dict[str, Any]]
"""Time, topic, partition and value."""


def history(events: int = 300, seed: int = 7, partitions: int = PARTITIONS) -> list[Sent]:
    """Events about 4 ms apart, with a pause of several marks, and their labels 150 ms later."""
    draw, found, time = random.Random(seed), list[Sent](), 10_000
    for n in range(events):
        time += draw.randrange(9) + (620 if n == events // 2 else 0)
        said = {"a": draw.gauss(0, 1), "b": draw.random(), "c": float(draw.randrange(3))}
        # One partition begins late and ends early.
        partition = draw.randrange(partitions - (not 60 < n < 200))
        found.append((time, EVENTS, partition, {"id": n, **said}))
        label = said["a"] + said["b"] > 0.5
        found.append((time + 150, LABELS, partition, {"id": n, "label": label}))
    return sorted(found, key=lambda sent: (sent[0], sent[1] == EVENTS))


class Kafka:
    """What is on Kafka: inputs, states, marks and predictions."""

    def __init__(self, sent: Sequence[Sent]) -> None:
        self.inputs = defaultdict[TP, list[Any]](list)
        for time, topic, partition, said in sent:
            at = self.inputs[TP(topic, partition)]
            value = msgspec.json.encode(said)
            at.append(Message(topic, partition, len(at), b"k", value, timestamp=(1, time)))
        self.states: dict[int, tuple[dict[bytes, bytes | None], dict[str, int]]] = {}
        self.marks: list[Read] = []
        self.readers: list[deque[Read]] = []
        self.said: dict[int, float | None] = {}

    def commit(self, changes: Sequence[Change]) -> None:
        """A transaction."""
        for change in changes:
            state, _ = self.states.get(change.partition, ({}, {}))
            for key, value in change.state:
                state.pop(key, None)
                state[key] = value
            self.states[change.partition] = state, dict(change.offsets)
            for outputs in change.outputs:
                for _, value in outputs.predictions:
                    said = msgspec.json.decode(value, type=Prediction)
                    assert said.id not in self.said
                    self.said[cast(int, said.id)] = said.score
                for record in outputs.others:
                    if record.topic == MARKS:
                        assert record.partition == change.partition
                        self.mark(change.partition, record.value or b"")

    def mark(self, partition: int, value: bytes) -> None:
        """A record of the marks topic."""
        self.marks.append((partition, len(self.marks), value))
        for reader in self.readers:
            reader.append(self.marks[-1])


class Reader:
    """A reader of the marks that has always read all."""

    failure = None

    def __init__(self, kafka: Kafka) -> None:
        self.records = deque(kafka.marks)
        kafka.readers.append(self.records)


class Worker:
    """A worker without threads: it fetches, processes and commits when it is told to.

    Args:
        pipeline: What to do.
        kafka: What there is.
        partitions: Those of this worker.
    """

    def __init__(self, pipeline: Pipeline, kafka: Kafka, partitions: Sequence[int]) -> None:
        self.pipeline, self.kafka, self.partitions = pipeline, kafka, tuple(partitions)
        self.opened = Opened(pipeline, {EVENTS: PARTITIONS})
        self.start()

    def start(self) -> None:
        """Go on with what was committed last; all else is gone."""
        (stage,) = stages(self.pipeline)
        marks = self.opened.builder.marks
        assert marks is not None
        reader = cast(MarkReader, Reader(self.kafka))
        self.mixed = MixedModel(stage, marks, reader, mark_length(self.pipeline), self)
        self.mixed.take()
        fresh = {(stage, n): self._restored(n) for n in self.partitions}
        self.opened.open(fresh, at_once=len(self.partitions) == PARTITIONS)
        ats = [TP(topic, n) for n in self.partitions for topic in (EVENTS, LABELS)]
        self.assignment = self.opened.assignment
        self.assignment.partitions = tuple(ats)
        self.mixed.begin(self.assignment)
        self.at = {
            TP(topic, n): offset or 0
            for (_, n), state in fresh.items()
            for topic, offset in state.offsets.items()
        }
        self.rounds = Rounds((EVENTS, LABELS), ats, together=True, span=mark_length(self.pipeline))
        self.rounds.begin(self.assignment.least)
        self.held: list[Batch] = []

    def _restored(self, partition: int) -> Restored:
        state, offsets = self.kafka.states.get(partition, ({}, {}))
        rows = list(state.items())
        made = restored(Change(partition, offsets, [], "p.state.v1", rows, 0))
        return replace(made, offsets=dict.fromkeys((EVENTS, LABELS)) | offsets)

    def nudge(self) -> None:
        """As a committer: it is told to commit anyway."""

    def step(self, limit: int) -> bool:
        """Fetch, and process a round unless it must wait; False where nothing was left."""
        self.mixed.take()
        self._fetch(limit)
        if not self.held:
            self.held = list(self._round(limit))
        if not self.held:
            self.assignment.ended = self.rounds.ended
            self.assignment.all_fetched = True
            self.mixed.follow()
            return False
        self.assignment.all_fetched = False
        if self.mixed.reached(self.assignment, self.held[0].mark or 0):
            for batch in self.held:
                task = self.opened.tasks[TP(batch.topic, batch.partition)]
                assert self.opened.process(replace(batch, number=task.batches))
            self.held = []
        return True

    def _fetch(self, limit: int) -> None:
        for at, offset in self.at.items():
            there = self.kafka.inputs[at]
            more = there[offset : offset + limit]
            self.rounds.add(more)
            self.at[at] = offset + len(more)
            if self.at[at] == len(there):
                self.rounds.add([_end(at)])

    def _round(self, limit: int) -> Iterator[Batch]:
        for part in self.rounds.take(limit):
            yield Batch(
                *(part.topic, part.partition, part.records, None, 0),
                *(part.ends, part.places, part.last, part.mark),
            )

    def commit(self) -> None:
        """All that is due, in one transaction."""
        due = self.assignment.due
        changes = [task.take() for task in due]
        self.kafka.commit(changes)
        for task, change in zip(due, changes, strict=True):
            task.committed(change)


def _end(at: TP) -> Any:
    error = KafkaError(KafkaError._PARTITION_EOF)
    return Message(at.topic, at.partition, -1, error=error)


def play(
    made: Pipeline,
    groups: Sequence[Sequence[int]],
    *,
    seed: int = 0,
    kills: int = 0,
    sent: Sequence[Sent] | None = None,
) -> Kafka:
    """Workers in any order, until nothing is left; some of them are killed."""
    draw, kafka = random.Random(seed), Kafka(history() if sent is None else sent)
    workers = [Worker(made, kafka, group) for group in groups]
    quiet = 0
    steps = 0
    while quiet < 40:
        steps += 1
        assert steps < 20_000, "nothing goes on"
        worker = draw.choice(workers)
        busy = worker.step(draw.randrange(1, 80))
        quiet = 0 if busy else quiet + 1
        if kills and busy and draw.random() < 0.05:
            kills -= 1
            worker.opened.assignment.drop()
            worker.start()
        elif not worker.held or draw.random() < 0.5:
            worker.commit()
    return kafka


def test_partitions_move_to_one_worker_and_back(tmp_path: Path) -> None:
    made = pipeline(tmp_path, 'type = "arow"')
    whole, kafka = play(made, [range(PARTITIONS)]), Kafka(history())
    draw = random.Random(1)
    for groups in ([[0, 1], [2, 3]], [[0, 1, 2, 3]], [[0, 2], [1, 3]], [[0, 1, 2, 3]]):
        workers = [Worker(made, kafka, group) for group in groups]
        for _ in range(30):  # the first one is ahead by as many marks as it can be
            worker = workers[draw.random() < 0.15] if len(workers) > 1 else workers[0]
            worker.step(10)
            worker.commit()
    end(workers[0])
    assert kafka.said == whole.said


def end(worker: Worker) -> None:
    """Let a worker with all partitions process the rest."""
    while worker.step(50):
        worker.commit()
    worker.commit()


def steps(sent: Sequence[Sent]) -> list[Step]:
    """The same for the plain loop."""
    rows = {said["id"]: said for _, topic, _, said in sent if topic == EVENTS}

    def step(time: int, topic: str, partition: int, said: dict[str, Any]) -> Step:
        features = {name: rows[said["id"]][name] for name in NAMES}
        label = UNLABELLED if topic == EVENTS else said["label"]
        return Step(time, partition, said["id"], features, label)

    return [step(*each) for each in sent]


def test_one_worker_scores_as_a_plain_loop_over_the_protocol_does(tmp_path: Path) -> None:
    made = pipeline(tmp_path)
    kafka = play(made, [range(PARTITIONS)])
    assert len(kafka.said) == 300
    expected = plain_loop(made, PARTITIONS, steps(history()))
    assert kafka.said == {id_: score for id_, (score, _) in expected.items()}


@pytest.mark.parametrize("learner", [FTRL + BINS, 'type = "arow"', 'type = "svm"'])
@pytest.mark.parametrize("groups", [[[0, 1, 2, 3]], [[0, 3], [1, 2]], [[0], [1], [2], [3]]])
def test_scores_are_the_same_with_any_number_of_workers_whatever_is_killed(
    tmp_path: Path, groups: Sequence[Sequence[int]], learner: str
) -> None:
    made = pipeline(tmp_path, learner)
    whole = play(made, [range(PARTITIONS)])
    for seed in range(2):
        again = play(made, groups, seed=seed, kills=6)
        assert again.said == whole.said


def test_who_is_ahead_waits_and_goes_on_when_the_others_come(tmp_path: Path) -> None:
    made, kafka = pipeline(tmp_path), Kafka(history())
    one, other = (Worker(made, kafka, group) for group in ([0, 1], [2, 3]))
    for _ in range(200):
        one.step(50)
        one.commit()
    assert one.held
    (waited,) = {batch.mark for batch in one.held}
    first = history()[0][0] // MARK
    assert waited == first  # nothing is known of the others, not even that they are
    other.step(50)
    other.commit()
    for _ in range(200):
        one.step(50)
        one.commit()
    (waited,) = {batch.mark for batch in one.held}
    assert waited == first + 2  # the others have passed the first mark only
    assert "partitions [2, 3]" in one.mixed._words(waited or 0)


def test_marks_that_are_gone_are_not_missed_in_silence(tmp_path: Path) -> None:
    made = pipeline(tmp_path)
    kafka = play(made, [range(PARTITIONS)])
    kafka.marks.clear()
    with pytest.raises(MarksMissing, match=r"p\.marks\.v1\[0\] has 0 marks, and the state"):
        Worker(made, kafka, range(PARTITIONS))


def test_a_state_that_is_gone_is_not_missed_in_silence(tmp_path: Path) -> None:
    made = pipeline(tmp_path)
    kafka = play(made, [range(PARTITIONS)])
    del kafka.states[2]
    with pytest.raises(MarksMissing, match=r"p\.marks\.v1\[2\] has \d+ marks, and .* is of 0"):
        Worker(made, kafka, range(PARTITIONS))


def test_a_mark_of_another_number_of_partitions_ends_the_worker(tmp_path: Path) -> None:
    made = pipeline(tmp_path)
    kafka = play(made, [range(PARTITIONS)])
    worker = Worker(made, kafka, [0, 1])
    kafka.mark(3, msgspec.structs.replace(Mark.decode(kafka.marks[-1][2]), partitions=8).encode())
    with pytest.raises(MarksRefused, match=r"p\.marks\.v1\[3\]@\d+: it is of 8 partitions"):
        worker.step(1)


def test_one_partition_alone_mixes_nothing(tmp_path: Path) -> None:
    builder = Opened(pipeline(tmp_path), {EVENTS: 1}).builder
    assert builder.marks is None
