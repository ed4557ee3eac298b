"""Learns a history by the tasks of Spark, as `app.training.local` does by processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.pipeline.load import Pipeline
from app.pipeline.stages import mark_length, mixes, stages
from app.replay.base import Event, Source
from app.training.cut import Cut
from app.training.errors import HistoryRefused
from app.training.exchange import MarkServer, Meeting
from app.training.history import LOOKED_AT, History
from app.training.joined import joined, mixing
from app.training.learned import Learned
from app.training.learning import Learning
from app.training.spark.files import Files, opened
from app.training.spark.given import Collected, Given, normalised
from app.training.spark.job import Found, SparkJob
from app.training.spark.looking import Looking
from app.training.spark.mllib import compared
from app.training.spark.rows import COUNTERS, ENTRY, LATER, RECORD, SCHEMA, Row
from app.training.training import train
from app.worker.processor import Counters

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True)
class SparkLearning(Learning):
    """Learns by Spark; see `Learning`, whose source is only asked for its fields.

    Attributes:
        session: Spark's.
        files: What it reads.
        yardstick: Milliseconds before the end that MLlib's logistic regression does not learn,
            to be compared on them; 0 for no comparison.
    """

    session: SparkSession
    files: Files
    yardstick: int = 0
    _given: dict[int | None, Given] = field(default_factory=dict)
    _lasts: list[tuple[DataFrame, int]] = field(default_factory=list)

    def learn(self, overlap: Cut | None = None) -> tuple[list[Learned], Counters, History]:
        """As `Learning.learn`, in at least as many parts as the plan has workers."""
        given = self._of(overlap)
        if self.plan.workers == 1 and self.pipeline.learner.shared == "learner":
            return self._in_one_order(given)
        pipeline = mixing(self.pipeline, self._parts, self._count)
        since = (overlap.time if overlap else self.plan.cut) - self.yardstick
        found, counters, rows = learn_in_tasks(
            *(self.session, pipeline, given, self._count, self._parts, self.plan.snapshot_key),
            look=self._look(since),
        )
        self._lasts.append((rows, since))
        return joined(found, self._count), counters, given.history

    def _in_one_order(self, given: Given) -> tuple[list[Learned], Counters, History]:
        """Spark only reads and sorts."""
        if self.yardstick:
            raise HistoryRefused('--yardstick is not for learner.shared = "learner"')
        records, key = given.collected(RECORD, self._count).records, self.plan.snapshot_key
        with closing(train(self.pipeline, records, self.partitions, key, self.show)) as made:
            return made.learned(), made.counters, given.history

    def report(self) -> Iterator[str]:
        """What the yardstick says, where one was asked for."""
        for rows, since in self._lasts if self.yardstick else ():
            yield from compared(rows, self._names, since)

    def history(self, overlap: Cut | None = None, later: bool | None = None) -> Collected:
        """The overlap, read anew."""
        assert overlap is not None, later
        return self._of(overlap).collected(LATER, self._count)

    @property
    def _count(self) -> int:
        return self.partitions[self.pipeline.events.topic]

    @property
    def _names(self) -> Sequence[str]:
        events = self.pipeline.events
        if events.id is None or events.features is None:
            raise HistoryRefused(
                "--yardstick needs events.id, by which a label finds its event, and"
                " events.features, which are its columns"
            )
        return events.features

    def _look(self, since: int) -> Looking | None:
        return Looking(self._names, since) if self.yardstick else None

    @property
    def _parts(self) -> int:
        return self._count * -(-self.plan.workers // self._count)

    def _of(self, overlap: Cut | None) -> Given:
        """The records, read and counted once."""
        at = None if overlap is None else overlap.time
        if at not in self._given:
            history = super().history(overlap)
            self._given[at] = normalised(self.session, self.files, history, self._parts)
        return self._given[at]


def first_events(session: SparkSession, files: Files) -> Source:
    """Some events, to see which fields they have."""

    def read() -> Iterator[Event]:
        rows, fields_of = opened(session, files.events)
        for n, row in enumerate(rows.limit(LOOKED_AT).collect()):
            yield Event(n, fields_of(row["row"].asDict(recursive=True)))

    return Source(files.events, read)


def learn_in_tasks(
    session: SparkSession,
    pipeline: Pipeline,
    given: Given,
    partitions: int,
    parts: int,
    snapshot_key: bytes | None = None,
    look: Looking | None = None,
) -> tuple[list[Learned], Counters, DataFrame]:
    """The states of all parts of all stages, what was done, and the rows of the last stage.

    Raises:
        HistoryRefused: Parts that mix have not enough cores.
    """
    found, counters, rows = list[Learned](), Counters(), given.before
    marks = _marks(rows, pipeline)
    for number, stage in enumerate(stages(pipeline)):
        mixing_here = stage.next_topic is None and mixes(pipeline) and parts > 1
        with _meeting(session, parts) if mixing_here else _apart() as meeting:
            job = SparkJob(
                pipeline=pipeline,
                stage=number,
                parts=parts,
                marks=marks,
                meeting=meeting,
                ends_in_one=parts > partitions,
                snapshot_key=snapshot_key,
                look=look,
            )
            divided = rows.repartitionById(parts, "part")
            divided = divided.sortWithinPartitions("place", "file", "number")
            # What came of it is kept: parts that have met do not meet again.
            made = divided.mapInArrow(job, SCHEMA, barrier=mixing_here).localCheckpoint()
            came = Found(pipeline, number, snapshot_key, counters)
            for row in made.where(f"kind between {ENTRY} and {COUNTERS}").collect():
                came.add(Row(*row))
        found += came.learned(parts)
        rows = made.where(f"kind = {RECORD}")
    return found, counters, made


def _marks(rows: DataFrame, pipeline: Pipeline) -> Sequence[tuple[int, int]]:
    """The first place behind each mark, and the mark."""
    if not mixes(pipeline):
        return []
    span = mark_length(pipeline)
    found = rows.selectExpr(f"place div {2 * span} as mark").distinct().collect()
    return [(2 * span * mark, mark) for mark in sorted(row["mark"] for row in found)]


@contextmanager
def _meeting(session: SparkSession, parts: int) -> Iterator[Meeting]:
    """Where parts meet at each mark: all of them run at one time."""
    context = session.sparkContext
    if context.master.startswith("local") and context.defaultParallelism < parts:
        raise HistoryRefused(
            f"--spark {context.master} runs {context.defaultParallelism} tasks at a time, and"
            f" {parts} parts that mix what they learn need as many: take local[{parts}]"
        )
    server = MarkServer(parts, context.getConf().get("spark.driver.host") or "127.0.0.1")
    try:
        yield server.meeting
    finally:
        server.close()


@contextmanager
def _apart() -> Iterator[None]:
    yield None
