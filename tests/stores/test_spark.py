"""A history that Spark reads, sorts and divides: its parts learn what local processes learn."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from app.kafka.partitions import TP
from app.pipeline.load import Pipeline
from app.replay.base import Source
from app.replay.files import open_file
from app.replay.times import between, merged, timed
from app.training.cut import Cut
from app.training.errors import HistoryRefused
from app.training.learned import Learned, changes
from app.training.learning import Learning, Plan
from app.training.spark.files import Files
from app.training.spark.learning import SparkLearning, first_events
from app.training.spark.session import explained, spark
from app.training.spark.tables import table
from learners.metrics import average_precision, roc_auc
from tests.app.pipeline_files import read
from tests.app.replay.test_tables import ROWS, delta, iceberg
from tests.app.training.test_training import CUT, MIXED, ends, finished, told
from tests.app.trial.streams import START, TEXT, write
from tests.app.worker.committed import Kafka
from tests.kafka.late import state
from tests.kafka.test_train import _renamed, go_on, stream, train
from tests.stores.servers import java

pytest.importorskip("pyspark", reason='pyspark is not installed: make stores (the extra "stores")')

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ORDERS = 420
UNTIL = {"until_cut": True}
DAYS = 4
"""Of the yardstick: so long before the cut."""


@pytest.fixture(scope="module")
def session() -> Iterator[SparkSession]:
    """Spark in this process, with two cores."""
    java()
    with spark("local[2]") as made:
        yield made


def parquet(folder: Path) -> Files:
    """Orders and returns, in any order."""
    import pyarrow as pa
    from pyarrow.parquet import write_table

    for name, bad in (("orders", "amount"), ("returns", "returned")):
        rows = [
            {k: None if (k, type(v)) == (bad, str) else v for k, v in event.fields.items()}
            for event in open_file(str(folder / f"{name}.csv")).read()
        ]
        write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
        random.Random(7).shuffle(rows)
        (folder / name).mkdir()
        for n in range(3):
            part = pa.Table.from_pylist(rows[n::3])
            write_table(part, folder / name / f"{n}.parquet", row_group_size=50)
    return Files(str(folder / "orders"), str(folder / "returns"), "when", until_cut=True)


def sorted_source(folder: Path, ending: str) -> Source:
    """The same in the order of time, for local processes."""
    orders, returns = (
        timed(open_file(str(folder / f"{name}.{ending}")), "when") for name in ("orders", "returns")
    )
    return between(merged(orders, returns), None, CUT)


def both(
    session: SparkSession,
    pipeline: Pipeline,
    files: Files,
    source: partial[Source],
    partitions: int,
    workers: int,
) -> tuple[list[Learned], list[Learned]]:
    """What local processes have learned, and what Spark has."""
    counts = Kafka(pipeline, partitions, []).counts
    plan = Plan(CUT, workers=workers)
    cut = Cut(CUT, {}, frozenset())
    one = Learning(pipeline, counts, source, plan, cut, lambda done: None)
    first = partial(first_events, session, files)
    other = SparkLearning(
        pipeline, counts, first, plan, cut, lambda done: None, session=session, files=files
    )
    (here, counters, there), (by_spark, counted, read_) = one.learn(), other.learn()
    assert (read_.counts, read_.newest) == (there.counts, there.newest)
    assert read_.counts["event"] == 361
    for name in ("predictions", "learned", "dead_letters"):
        assert getattr(counted, name) == getattr(counters, name) > 0, name
    return here, by_spark


def everything(states: list[Learned]) -> dict[Any, Any]:
    """All of it, to the last byte."""
    return {
        (each.stage.state_topic, each.partition): (
            dict(each.entries),
            each.model and each.model.fingerprint(),
            [(mark.key, mark.value, mark.partition) for mark in each.marks],
        )
        for each in states
    }


@pytest.mark.parametrize("made", [delta, iceberg])
def test_a_table_has_the_rows_that_are_not_deleted(
    session: SparkSession, tmp_path: Path, made: Any
) -> None:
    found = table(session, made(tmp_path))
    assert found is not None
    assert sorted((row.asDict() for row in found.collect()), key=lambda row: row["id"]) == ROWS


@pytest.mark.parametrize(
    ("partitions", "workers", "settings"),
    [(2, 2, {}), (2, 2, MIXED), (1, 2, {"learner__optimizer": "ftrl"})],
    ids=["apart", "mixed", "parts of a partition"],
)
def test_parts_by_spark_are_those_of_local_processes(
    session: SparkSession,
    tmp_path: Path,
    partitions: int,
    workers: int,
    settings: dict[str, str],
) -> None:
    write(tmp_path, orders=ORDERS)
    files, pipeline = parquet(tmp_path), read(tmp_path, TEXT, None, **settings)
    source = partial(sorted_source, tmp_path, "parquet")
    here, by_spark = both(session, pipeline, files, source, partitions, workers)
    assert everything(by_spark) == everything(here)
    goes_on = []
    for states in (here, by_spark):
        kafka = Kafka(pipeline, partitions, told(tmp_path, pipeline))
        kafka.commit(changes(states, ends(kafka, pipeline, CUT)))
        finished(pipeline, kafka)
        goes_on.append(kafka.predictions)
    assert goes_on[0] == goes_on[1]
    assert len(goes_on[0]) == ORDERS - 362  # of 361 on the number 413 has no amount


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_text_is_read_as_a_replay_reads_it(
    session: SparkSession, tmp_path: Path, ending: str
) -> None:
    write(tmp_path, orders=ORDERS)
    pipeline = read(tmp_path, TEXT, None)
    for name in ("orders", "returns"):
        rows = (event.fields for event in open_file(str(tmp_path / f"{name}.csv")).read())
        text = b"\n".join(map(msgspec.json.encode, rows))
        (tmp_path / f"{name}.jsonl").write_bytes(text)
    orders, returns = (str(tmp_path / f"{name}.{ending}") for name in ("orders", "returns"))
    files = Files(orders, returns, "when", until_cut=True)
    source = partial(sorted_source, tmp_path, ending)
    here, by_spark = both(session, pipeline, files, source, 1, 1)
    assert everything(by_spark) == everything(here)


class TestRefused:
    def learning(self, session: SparkSession, folder: Path, **changed: Any) -> SparkLearning:
        write(folder, orders=20)
        pipeline = read(folder, TEXT, None, **changed.pop("settings", {}))
        counts = Kafka(pipeline, 1, []).counts
        orders, returns = (str(folder / f"{name}.csv") for name in ("orders", "returns"))
        files = replace(Files(orders, returns, "when"), **changed.pop("files", {}))
        first = partial(first_events, session, files)
        cut = Cut(CUT, {}, frozenset())
        return SparkLearning(
            *(pipeline, counts, first, Plan(**{"cut": CUT} | changed), cut, lambda done: None),
            session=session,
            files=files,
        )

    def test_a_row_that_is_not_before_the_cut(self, session: SparkSession, tmp_path: Path) -> None:
        made = self.learning(session, tmp_path, cut=1_700_000_600_000)
        with pytest.raises(HistoryRefused, match=r"(orders|returns).csv: an? \w+ is not before"):
            made.learn()

    def test_more_parts_that_mix_than_cores(self, session: SparkSession, tmp_path: Path) -> None:
        settings = {"learner__optimizer": "ftrl"}
        made = self.learning(session, tmp_path, settings=settings, workers=3, files=UNTIL)
        with pytest.raises(HistoryRefused, match=r"need as many: take local\[3\]"):
            made.learn()

    def test_times_that_are_none(self, session: SparkSession, tmp_path: Path) -> None:
        made = self.learning(session, tmp_path, files={"time": "customer"})
        with (
            pytest.raises(
                HistoryRefused,
                match=r"^(orders|returns).csv: customer = 'c\d+': must be seconds since",
            ),
            explained("local[2]"),
        ):
            made.learn()

    def test_no_file(self, session: SparkSession, tmp_path: Path) -> None:
        made = self.learning(session, tmp_path, files={"events": str(tmp_path / "none.parquet")})
        with pytest.raises(HistoryRefused, match="PATH_NOT_FOUND"), explained("local[2]"):
            made.learn()


def test_one_learner_learns_in_one_order(session: SparkSession, tmp_path: Path) -> None:
    write(tmp_path, orders=ORDERS)
    pipeline = read(tmp_path, TEXT, None, learner__shared="learner")
    source = partial(sorted_source, tmp_path, "parquet")
    here, by_spark = both(session, pipeline, parquet(tmp_path), source, 2, 1)
    assert everything(by_spark) == everything(here)


def test_the_yardstick_is_logistic_regression_on_what_was_learned(
    session: SparkSession, tmp_path: Path
) -> None:
    """Both figures against a slow reference: the rows of [history], and Newton's method."""
    cut = (START + 1900 * 600) * 1000
    since = cut - DAYS * 86_400_000
    write(tmp_path, orders=2000)
    pipeline, files = read(tmp_path, TEXT, None), parquet(tmp_path)
    counts, first = Kafka(pipeline, 1, []).counts, partial(first_events, session, files)
    made = SparkLearning(
        *(pipeline, counts, first, Plan(cut), Cut(cut, {}, frozenset()), lambda done: None),
        session=session,
        files=files,
        yardstick=cut - since,
    )
    made.learn()
    said = "\n".join(made.report())
    rows = scored_with_labels(tmp_path, cut)
    before = {row["id"]: row for row in rows if row["label_time"] < since}
    after = {row["id"]: row for row in rows if row["time"] >= since}
    assert f"learned the {len(before)} events whose labels were known" in said
    assert f"on the {len(after)} events from then on" in said
    labels = [row["label"] for row in after.values()]
    weights = newton(*matrix(before.values()))
    theirs = matrix(after.values())[0] @ weights
    found = re.search(r"average precision ([\d.]+), riverrun ([\d.]+); ROC AUC ([\d.]+)", said)
    assert found is not None, said
    scores = [row["score"] for row in after.values()]
    assert float(found[2]) == pytest.approx(average_precision(labels, scores), abs=1e-4)
    assert float(found[1]) == pytest.approx(average_precision(labels, theirs), abs=0.01)
    assert float(found[3]) == pytest.approx(roc_auc(labels, theirs), abs=0.01)


def scored_with_labels(folder: Path, cut: int) -> list[dict[str, Any]]:
    """The topic of [history] of a worker that has read all before the cut."""
    pipeline = read(folder, TEXT + '[history]\ntopic = "shop.history"\n', None)
    kafka = Kafka(pipeline, 1, [each for each in told(folder, pipeline) if each.time < cut])
    finished(pipeline, kafka)
    return [msgspec.json.decode(record.value()) for record in kafka.logs[TP("shop.history", 0)]]


def matrix(rows: Iterable[dict[str, Any]]) -> tuple[Any, Any]:
    """Features with a column of ones, and labels."""
    names = ("amount", "items", "customer_count_1d", "shop_mean_returned_7d")
    found = list(rows)
    x = np.array([[1.0, *(row["features"].get(name) or 0.0 for name in names)] for row in found])
    return x, np.array([float(row["label"]) for row in found])


def newton(x: Any, y: Any) -> Any:
    """Logistic regression without regularization."""
    weights = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ weights))
        weights += np.linalg.pinv(x.T @ (x * (p * (1 - p))[:, None])) @ x.T @ (y - p)
    return weights


def test_the_command_hands_over_what_local_processes_hand_over(
    kafka: str, topic_name: str, tmp_path: Path
) -> None:
    """The last test: a command ends the session of all."""
    java()
    write(tmp_path, orders=260)
    made = [stream(kafka, tmp_path, f"{n}{topic_name[-8:]}") for n in ("here", "spark")]
    for each, more in zip(made, (["--workers", "2"], ["--spark", "local[2]"]), strict=True):
        done = train(each, tmp_path, "--until-cut", "--overlap", "12h", *more)
        assert done.exit_code == 0, done.output + repr(done.exception)
        assert "72 events scored both ways; 100.0000% of their features" in done.output
    for stage in (0, 1):
        assert _renamed(state(made[1], stage), made[1]) == _renamed(state(made[0], stage), made[0])
    for one, other in zip(made[0].models(), made[1].models(), strict=True):
        assert one.fingerprint() == other.fingerprint()
    assert go_on(made[1]) == go_on(made[0])
