"""A history as Spark has read it: records with their parts, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from app.pipeline.stages import stages
from app.training.errors import HistoryRefused
from app.training.history import History
from app.training.spark.files import Files, name_of, opened
from app.training.spark.normalise import Normalise
from app.training.spark.rows import LATER, LEFT_OUT, RECORD, SCHEMA, Row
from app.trial.records import TrialRecord

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass
class Collected(History):
    """Records that come to this process, in the order of time.

    Attributes:
        rows: Brings them.
        begin: How many lie before them, by topic and partition.
    """

    rows: Callable[[], Iterator[Row]] = field(default=lambda: iter(()))
    begin: Counter[tuple[str, int]] = field(default_factory=Counter)

    def records(self) -> Iterator[TrialRecord]:
        """See `History.records`; they were counted before."""
        events, *labels = stages(self.pipeline)[0].inputs
        ends = Counter(self.begin)
        for row in self.rows():
            at = labels[0] if row.label else events, row.part % self.partitions
            time, where = row.place // 2, name_of(row.file)
            values = at[0], ends[at], row.key, row.value, time, where
            yield TrialRecord(*values, partition_=at[1])
            ends[at] += 1


@dataclass(frozen=True)
class Given:
    """Records as rows, and what was read.

    Attributes:
        rows: All of them, of events and labels.
        history: Has counted them.
    """

    rows: DataFrame
    history: History

    @property
    def before(self) -> DataFrame:
        """What is learned from the history alone; and of the overlap what is earlier, though it
        is not learned: the offsets count it."""
        chosen = f"kind = {RECORD}"
        if self.history.overlap is not None:
            chosen += f" or kind = {LATER} and place < {2 * self.history.overlap[0]}"
        return self.rows.where(chosen)

    def collected(self, kind: int, partitions: int) -> Collected:
        """All records of a kind, for this process."""
        chosen = self.rows.where(f"kind = {kind}").orderBy("place", "file", "number")
        made = Collected(**vars(self.history))
        made.rows = lambda: (Row(*row) for row in chosen.toLocalIterator())
        if kind == LATER:
            made.begin = self._ends(partitions)
        return made

    def _ends(self, partitions: int) -> Counter[tuple[str, int]]:
        events, *labels = stages(self.history.pipeline)[0].inputs
        found = self.before.groupBy("part", "label").count().collect()
        ends = Counter[tuple[str, int]]()
        for row in found:
            ends[labels[0] if row["label"] else events, row["part"] % partitions] += row["count"]
        return ends


def normalised(session: SparkSession, files: Files, history: History, parts: int) -> Given:
    """The rows of files as records, each with its part.

    Raises:
        HistoryRefused: For a row that is not before the cut, or cannot be read.
    """

    def of(kind: Literal["event", "label"], path: str) -> DataFrame:
        rows, read = opened(session, path)
        made = Normalise(history.bare(), kind, read, files.time, parts, files.until_cut)
        return rows.mapInArrow(made, SCHEMA)

    rows = of("event", files.events)
    if files.labels is not None:
        rows = rows.unionAll(of("label", files.labels))
    rows = rows.persist()
    return Given(rows, _counted(rows, history.bare()))


def _counted(rows: DataFrame, history: History) -> History:
    """What was read; nothing of it may lie behind the cut."""
    from pyspark.sql.functions import count, max_by
    from pyspark.sql.functions import max as largest

    newest = largest("place").alias("place"), max_by("file", "place").alias("file")
    found = rows.groupBy("label", "kind").agg(count("*").alias("count"), *newest).collect()
    made = replace(history, newest={}, counts=Counter(), skipped=0)
    for row in found:
        kind, time = "label" if row["label"] else "event", row["place"] // 2
        if time >= history.cut:
            raise HistoryRefused(
                f"{name_of(row['file'])}: {'a' if row['label'] else 'an'} {kind} is not before the"
                " cut: the stream brings it too, and it would be learned twice. Take a later --cut,"
                " or leave it out by --until-cut"
            )
        if row["kind"] == LEFT_OUT:
            made.skipped += row["count"]
            continue
        made.counts[kind] += row["count"]
        made.newest[kind] = max(time, made.newest.get(kind, 0))
    return made
