"""A history in parts, each by a process of its own, one stage after another."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from app.pipeline.load import Pipeline
from app.pipeline.models import loaded_model
from app.pipeline.stages import mixes, stages
from app.training.exchange import MarkServer
from app.training.history import History
from app.training.job import Job, Marks
from app.training.joined import joined, mixing
from app.training.learned import Learned
from app.training.part import PartRun, Placed
from app.training.rounds import rounds
from app.training.spill import marked, spill, spilled
from app.worker.processor import Counters
from topics.records import Outgoing

NewHistory = Callable[[], History]
"""Opens the history anew; it is called in other processes, so it must be picklable."""


@dataclass(frozen=True, kw_only=True)
class LocalJob(Job):
    """What the processes of this machine are told.

    Attributes:
        history: Opened by those of the first stage; behind it `marks` are known.
        folder: Of what lies between the stages.
    """

    history: NewHistory
    folder: Path


@dataclass(frozen=True)
class Done:
    """What came of a part; the model is a snapshot."""

    learned: Learned
    snapshot: bytes | None
    counters: Counters
    marks: Marks
    history: History | None


def learn_in_parts(
    pipeline: Pipeline,
    history: NewHistory,
    partitions: int,
    workers: int,
    snapshot_key: bytes | None = None,
) -> tuple[list[Learned], Counters, History]:
    """Learn a history by so many processes.

    Up to the number of partitions each process has some of them, and each learns what it would
    have learned on the stream. More processes divide the keys of a partition, and mix what they
    learn, as with ``learner.shared = "mix"``: all partitions begin with one model then.

    Args:
        pipeline: What to do.
        history: Opens it.
        partitions: Of the events.
        workers: Processes.
        snapshot_key: Signs models that need pickle.

    Returns:
        The states of all stages and partitions, what was done, and what was read.

    Raises:
        HistoryRefused: The pipeline cannot be learned in so many parts.
        PartFails: A learner failed on an event.
    """
    parts = partitions * -(-workers // partitions)
    pipeline = mixing(pipeline, parts, partitions)
    found: list[Learned] = []
    counters, marks = Counters(), list[tuple[int, int]]()
    read: History | None = None
    with tempfile.TemporaryDirectory(prefix="riverrun-train-") as folder, Pools() as pools:
        for number, _ in enumerate(stages(pipeline)):
            job = LocalJob(
                pipeline=pipeline,
                stage=number,
                parts=parts,
                history=history,
                folder=Path(folder),
                marks=marks,
                ends_in_one=parts > partitions,
                snapshot_key=snapshot_key,
            )
            done = list(_stage(job, pools, workers))
            marks, read = marks or list(done[0].marks), read or done[0].history
            for each in done:
                counters.join(each.counters)
            found += [_with_model(pipeline, each, snapshot_key) for each in done]
    assert read is not None
    return joined(found, partitions), counters, read


class Pools(ExitStack):
    """Processes, kept for the next stage: each has imported and compiled all it needs by then."""

    def __init__(self) -> None:
        super().__init__()
        self._by_size: dict[int, ProcessPoolExecutor] = {}

    def of(self, size: int) -> ProcessPoolExecutor:
        """So many processes."""
        if size not in self._by_size:
            made = ProcessPoolExecutor(size, get_context("spawn"))
            self._by_size[size] = self.enter_context(made)
        return self._by_size[size]


def _stage(job: LocalJob, pools: Pools, workers: int) -> Iterator[Done]:
    last = job.stage == len(stages(job.pipeline)) - 1
    if not (last and mixes(job.pipeline) and job.parts > 1):
        yield from _parts(job, pools.of(min(workers, job.parts)))
        return
    server = MarkServer(job.parts)
    try:
        # Those that mix go on together, so none may wait for another one's process.
        yield from _parts(replace(job, meeting=server.meeting), pools.of(job.parts))
    finally:
        server.close()


def _parts(job: LocalJob, pool: ProcessPoolExecutor) -> Iterator[Done]:
    yield from pool.map(partial(run_part, job), range(job.parts))


def run_part(job: LocalJob, part: int) -> Done:
    """One part of a stage, in this process."""
    run, history = job.begin(part), None
    passed: list[tuple[int, int]] = []
    if job.stage == 0:
        history = job.history()
        history.partitions = job.parts
        records = _noted(_of_history(job.pipeline, history, part), passed)
    else:
        there = spilled(_folder(job, job.stage - 1), part, job.parts, run.stage.inputs[0])
        records = (Placed(*each) for each in marked(there, job.marks))
        passed = list(job.marks)
    forwarded = run.run(records, job.pipeline.worker.max_batch)
    if run.stage.next_topic is None:
        for _ in forwarded:
            pass
    else:
        folder = _folder(job, job.stage)
        folder.mkdir(exist_ok=True)
        spill(folder, part, job.parts, forwarded)
    job.end(run, passed)
    return _done(job, run, passed, history)


def _done(job: LocalJob, run: PartRun, passed: Marks, history: History | None) -> Done:
    learned = run.learned()
    snapshot = learned.snapshot({}, job.snapshot_key)
    counters = run.counters
    counters.last_letter = None
    run.close()
    marks = [_plain(mark) for mark in learned.marks]
    bare = replace(learned, model=None, marks=marks)
    kept = None if history is None else history.bare()
    return Done(bare, snapshot, counters, passed, kept)


def _plain(mark: Outgoing) -> Outgoing:
    return mark._replace(on_delivery=None)


def _folder(job: LocalJob, stage: int) -> Path:
    return job.folder / str(stage)


def _of_history(pipeline: Pipeline, history: History, part: int) -> Iterator[Placed]:
    """The records of one part; a mark that it has no records behind comes alone."""
    mark: int | None = None
    for parts in rounds(pipeline, history.records(), pipeline.worker.max_batch):
        if parts[0].mark != mark:
            mark = parts[0].mark
            yield Placed(min(each.places[0] for each in parts), mark, None)
        for each in parts:
            if each.partition == part:
                for place, record in zip(each.places, each.records, strict=True):
                    yield Placed(place, mark, record)


def _noted(records: Iterator[Placed], passed: list[tuple[int, int]]) -> Iterator[Placed]:
    for placed in records:
        if placed.record is None and placed.mark is not None:
            passed.append((placed.place, placed.mark))
        yield placed


def _with_model(pipeline: Pipeline, done: Done, key: bytes | None) -> Learned:
    if done.snapshot is None:
        return done.learned
    return replace(done.learned, model=loaded_model(pipeline, done.snapshot, key))
