"""What partitions that mix their models are worth, against one model, and models apart.

The card payments of `pipelines/fraud.toml` go through its stages once, without Kafka, for the
features that each had when it was scored. Then partitions learn from them by the functions that
a worker calls (`agents.shared.marks`, `agents.shared.mixer`), as long as the marks of all are
handed to all. "frozen": the labels of a week are learned, and another week is scored; six times.
"live": each label is learned 7 days after its event, over 99 days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from time import process_time
from typing import Any, Literal, cast

import numpy as np
from confluent_kafka import murmur2

from agents.agent import Agent
from agents.outputs import Outputs
from agents.shared.marks import Marks, Terms
from agents.shared.mixer import Mixer
from agents.state import State
from app.fraud.handbook import Size, simulate
from app.fraud.protocol import TRAIN_DAY, WEEK, Split, split
from app.fraud.transactions import DAY, Floats, Ints, Transactions
from app.fraud.yardstick import evaluate
from app.pipeline.load import Pipeline, load_pipeline
from app.replay.records import channels, records
from benchmarks.fraud import FILE, LEARNED_FROM, Trial, source
from benchmarks.fraud_in_process import InProcess
from benchmarks.fraud_offline import EARLIER
from learners import registry
from learners.engine.rows import Rows
from learners.mixing.mixture import Mixture
from learners.model import UNLABELLED, Model
from learners.spec import LearnerSpec

Row = dict[str, Any]
Shared = Literal["apart", "learner", "mix"]
HOUR = 3600
DELAY = WEEK * DAY


@dataclass(frozen=True)
class History:
    """Payments with the features that they had when they were scored.

    Attributes:
        data: The payments.
        names: Of the features.
        matrix: A row for each payment, by its id; NaN before `LEARNED_FROM`.
        splits: The weeks to learn from and to test on.
        spec: The learner; `slower` overrides it where it has one week only.
        slower: Parameters.
    """

    data: Transactions
    names: tuple[str, ...]
    matrix: Floats
    splits: Sequence[Split]
    spec: LearnerSpec
    slower: LearnerSpec


class _Rows(InProcess):
    """The stages of a pipeline; keeps the rows that go to the learner."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__(pipeline)
        self.names: tuple[str, ...] = ()
        self.rows: dict[int, Floats] = {}

    def _process(self, number: int, work: Callable[[Agent], Outputs]) -> Outputs:
        outputs = super()._process(number, work)
        if outputs.rows is not None and len(outputs.rows.block):
            block = outputs.rows.block
            self.names = block.names or ()
            for origin, row in zip(block.origins, block.rows, strict=True):
                self.rows[int(origin.id.rpartition("-")[2])] = np.frombuffer(cast(bytes, row))
        return outputs


def history(size: Size, firsts: Sequence[int]) -> History:
    """Simulate, and let all go through the stages once."""
    data = simulate(size)
    # A week more than the last test takes, so that its labels come.
    trial = Trial(size=size, first=max(firsts) + WEEK, settings=("learner.shared=learner",))
    pipeline, sent = load_pipeline(FILE, trial.overrides(), {}), source(data, trial)
    stages = _Rows(pipeline)
    stages.run(records(sent, sent.read(), channels(pipeline, sent)))
    matrix = np.full((len(data), len(stages.names)), np.nan)
    for id_, row in stages.rows.items():
        matrix[id_] = row
    splits = [split(data, first) for first in firsts]
    frozen = load_pipeline(FILE, Trial("frozen").overrides(), {})
    return History(data, stages.names, matrix, splits, pipeline.learner.spec, frozen.learner.spec)


@dataclass
class Group:
    """Partitions that learn each from its own payments.

    Args:
        spec: The learner.
        partitions: How many.
        mark: Seconds between two marks; None: they stay apart.

    Attributes:
        sizes: Bytes of each mark.
        learned: Labels that were learned.
    """

    spec: LearnerSpec
    partitions: int
    mark: int | None = None
    models: list[Model] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    learned: int = 0

    def __post_init__(self) -> None:
        self.models = [registry.from_spec(self.spec) for _ in range(self.partitions)]
        if self.mark is not None:
            self.marks = Marks(Mixture(self.spec), Terms("marks", self.partitions, ""))
            self.mixers = [
                Mixer(k, model, State(), self.marks) for k, model in enumerate(self.models)
            ]

    def reach(self, mark: int) -> None:
        """All partitions pass a mark."""
        for k, mixer in enumerate(self.mixers):
            if (made := mixer.pass_mark(mark)) is not None:
                self.sizes.append(len(made.encode()))
                self.marks.hold(k, made)
        for mixer in self.mixers:
            mixer.adopt()

    @property
    def counted(self) -> int:
        """Labels in the model that all have."""
        return self.models[0].learned

    def run(self, k: int, rows: Rows, labels: Sequence[Any]) -> list[Any]:
        """Let a partition score and learn."""
        self.learned += len(labels) - labels.count(UNLABELLED)
        return self.models[k].run(rows, labels).scores


@dataclass(frozen=True)
class Steps:
    """Payments that are scored, and labels that are learned, in the order of time."""

    times: Ints
    ids: Ints
    asked: np.ndarray[Any, np.dtype[np.bool_]]

    def spans(self, length: int) -> Iterator[tuple[int, slice]]:
        """The steps of each length of time that has some, with its number."""
        numbers = self.times // length
        starts = np.flatnonzero(np.diff(numbers, prepend=-1))
        for first, end in zip(starts, [*starts[1:], len(numbers)], strict=True):
            yield int(numbers[first]), slice(int(first), int(end))


def play(group: Group, made: History, steps: Steps) -> Floats:
    """Let a group go through the steps; returns the scores by id."""
    partition, scores = _partitions(made.data, group.partitions), np.full(len(made.data), np.nan)
    truth = made.data.fraud
    for number, span in steps.spans(group.mark or DAY):
        if group.mark is not None:
            group.reach(number)
        ids, asked = steps.ids[span], steps.asked[span]
        for k in np.unique(partition[ids]).tolist():
            at = partition[ids] == k
            labels = [
                UNLABELLED if a else bool(y)
                for a, y in zip(asked[at].tolist(), truth[ids[at]].tolist(), strict=True)
            ]
            found = group.run(k, Rows(made.names, made.matrix[ids[at]]), labels)
            scores[ids[at & asked]] = np.array(found, np.float64)[asked[at]]
    return scores


def _partitions(data: Transactions, count: int) -> Ints:
    """Where the terminals lie, as a producer chooses it."""
    of = {t: murmur2(str(t).encode(), count) for t in np.unique(data.terminal).tolist()}
    return np.array([of[t] for t in data.terminal.tolist()], np.int64)


def live_steps(made: History) -> Steps:
    """All payments from `LEARNED_FROM` on; a label comes before a payment of the same time."""
    last = max(int(part.test.time.max()) for part in made.splits) + 1
    data = made.data
    part = data.where((data.day >= LEARNED_FROM) & (data.time < last))
    times = np.concatenate([part.time, part.time + DELAY])
    asked = np.repeat([True, False], len(part))
    order = np.lexsort((asked, times))
    order = order[times[order] < last]
    return Steps(times[order], np.tile(part.id, 2)[order], asked[order])


def frozen_scores(group: Group, made: History, part: Split) -> Floats:
    """Learn a week; what was learned last is mixed within two marks, long before the test."""
    train = part.train
    play(group, made, Steps(train.time, train.id, np.zeros(len(train), np.bool_)))
    if group.mark is not None:
        number = int(train.time[-1]) // group.mark
        group.reach(number + 1)
        group.reach(number + 2)
    return play_tests(group, made, part)


def play_tests(group: Group, made: History, part: Split) -> Floats:
    """The scores of a test week by models that learn no more."""
    test, partition = part.test, _partitions(made.data, group.partitions)
    scores = np.full(len(made.data), np.nan)
    for k, model in enumerate(group.models):
        ids = test.id[partition[test.id] == k]
        found = model.run(Rows(made.names, made.matrix[ids]), [UNLABELLED] * len(ids)).scores
        scores[ids] = np.array(found, np.float64)
    return scores


def by_one_learner(made: History, steps: Steps) -> Floats:
    """`shared = "learner"`, with scorers whose version is up to an hour old."""
    model, scores = registry.from_spec(made.spec), np.full(len(made.data), np.nan)
    for _, span in steps.spans(HOUR):
        ids, asked = steps.ids[span], steps.asked[span]
        events, labels = ids[asked], ids[~asked]
        for some, truth in (
            (events, [UNLABELLED] * len(events)),
            (labels, made.data.fraud[labels].tolist()),
        ):
            if len(some):
                found = model.run(Rows(made.names, made.matrix[some]), truth).scores
                if some is events:
                    scores[some] = np.array(found, np.float64)
    return scores


def _precision(made: History, scores: Callable[[Split], Floats]) -> Mapping[str, float]:
    """Average precision as a mean of the weeks, and in the last one, which is the published."""
    found = [evaluate(p.test, scores(p)[p.test.id]).average_precision for p in made.splits]
    return {"average_precision": round(fmean(found), 4), "published": round(found[-1], 4)}


def _row(protocol: str, shared: Shared, group: Group, seconds: float, **more: Any) -> Row:
    row: Row = {"benchmark": "mixing", "protocol": protocol, "shared": shared}
    row |= {"partitions": group.partitions, **more, "cpu_seconds": round(seconds, 1)}
    if group.mark is not None:
        row |= {
            "mark": f"{group.mark // HOUR}h",
            "bytes_a_mark": round(fmean(group.sizes)),
            "most_bytes_a_mark": max(group.sizes),
            "labels_learned": group.learned,
            "labels_in_model": group.counted,
        }
    return row


def _live(made: History, shared: Shared, partitions: int, mark: int | None) -> Row:
    started, group = process_time(), Group(made.spec, partitions, mark)
    scores = play(group, made, live_steps(made))
    seconds = process_time() - started
    if mark is not None:
        last = int(live_steps(made).times[-1]) // mark
        group.reach(last + 1)
        group.reach(last + 2)
    return _row("live", shared, group, seconds, **_precision(made, lambda _: scores))


def _frozen(made: History, shared: Shared, partitions: int, mark: int | None) -> Row:
    groups: list[Group] = []

    def scores(part: Split) -> Floats:
        groups.append(Group(made.slower, partitions, mark))
        return frozen_scores(groups[-1], made, part)

    started = process_time()
    found = _precision(made, scores)
    return _row("frozen", shared, groups[-1], process_time() - started, **found)


def run(bootstrap: str, *, quick: bool = False) -> Iterator[Row]:
    """Rows for 1, 2, 4, 8 and 16 partitions, frozen and live."""
    size = Size(cards=100, terminals=400, days=70) if quick else Size(cards=1500)
    firsts = (40,) if quick else (*sorted(EARLIER), TRAIN_DAY)
    made = history(size, firsts)
    counts = (1, 2) if quick else (1, 2, 4, 8, 16)
    for one in (_frozen, _live):
        for partitions in counts:
            yield one(made, "apart", partitions, None)
            for mark in (HOUR, DAY) if partitions > 1 else ():
                yield one(made, "mix", partitions, mark)
    started = process_time()
    scores = by_one_learner(made, live_steps(made))
    seconds = process_time() - started
    group = Group(made.spec, 1)
    yield _row("live", "learner", group, seconds, **_precision(made, lambda _: scores))
