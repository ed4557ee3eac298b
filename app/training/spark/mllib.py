"""MLlib's logistic regression on the rows that a training learned, as a yardstick."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from app.training.cut import said
from app.training.errors import HistoryRefused
from app.training.spark.looking import Labelled
from app.training.spark.rows import LABELLED, SCORED
from learners.metrics import average_precision, roc_auc

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

DECODED = "id binary, time long, known long, label double, weight double, features array<double>"
ITERATIONS = 100

_decode = msgspec.msgpack.Decoder(Labelled).decode
_score = msgspec.msgpack.Decoder(float).decode


def compared(rows: DataFrame, names: Sequence[str], since: int) -> Iterator[str]:
    """The lines of a report: both on the events from a time on whose labels have come.

    MLlib learns what was known at that time, each event with its newest label then, and is asked
    about each event that came later. riverrun's scores are those of the training: of each event
    before its label, by a model that went on learning.

    Args:
        rows: Of the parts; see `looking`.
        names: Of the features.
        since: Milliseconds since 1970.

    Raises:
        HistoryRefused: There is nothing to be learned, or nothing to be compared.
    """
    from pyspark import __version__ as version

    labelled = rows.where(f"kind = {LABELLED}").mapInArrow(_decoded, DECODED).persist()
    cores = rows.sparkSession.sparkContext.defaultParallelism
    # Each iteration is a task a partition; a shuffle makes 200.
    before = _newest(labelled.where(f"known < {since}")).coalesce(cores).persist()
    both = before.where("label = 1").isEmpty(), before.where("label = 0").isEmpty()
    if any(both):
        raise HistoryRefused(
            f"--yardstick: before {said(since)} no {'positive' if both[0] else 'negative'} label"
            " was known: take a shorter time"
        )
    after = _newest(labelled.where(f"time >= {since}"))
    labels, ours, theirs = _scores(rows, after, _model(before))
    if not labels or len(set(labels)) < 2:
        raise HistoryRefused(
            f"--yardstick: {len(labels):,} events since {said(since)} have a label before the cut,"
            " and not of both kinds: take a longer time"
        )
    yield (
        f"yardstick: MLlib's logistic regression (Spark {version}, without regularization, at most"
        f" {ITERATIONS} iterations) learned the {before.count():,} events whose labels were known"
        f" at {said(since)}, by the {len(names)} features that the pipeline made, where one that"
        " is missing is 0"
    )
    yield (
        f"yardstick: on the {len(labels):,} events from then on whose labels came before the cut,"
        f" {sum(labels) / len(labels):.2%} of them positive: average precision"
        f" {average_precision(labels, theirs):.4f}, riverrun {average_precision(labels, ours):.4f};"
        f" ROC AUC {roc_auc(labels, theirs):.4f}, riverrun {roc_auc(labels, ours):.4f}"
    )
    yield (
        "yardstick: MLlib's model stayed as it was then; riverrun scored each event before its"
        " label, and went on learning"
    )


def _decoded(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    for batch in batches:
        found = [_decode(value) for value in batch.column("value").to_pylist()]
        columns = {
            "id": batch.column("key"),
            "time": batch.column("place"),
            "known": batch.column("number"),
            "label": pa.array([float(each.label) for each in found], pa.float64()),
            "weight": pa.array([float(each.weight) for each in found], pa.float64()),
            "features": pa.array([each.features for each in found], pa.list_(pa.float64())),
        }
        yield pa.RecordBatch.from_pydict(columns)


def _newest(labelled: DataFrame) -> DataFrame:
    """Of each event the label that was known last."""
    from pyspark.sql.functions import expr

    newest = expr("max_by(struct(label, weight, features), known)").alias("row")
    return labelled.groupBy("id").agg(newest).select("id", "row.*")


def _model(rows: DataFrame) -> Any:
    from pyspark.ml.classification import LogisticRegression

    learner = LogisticRegression(weightCol="weight", maxIter=ITERATIONS, regParam=0.0)
    return learner.fit(_vectors(rows))


def _vectors(rows: DataFrame) -> DataFrame:
    from pyspark.ml.functions import array_to_vector

    return rows.withColumn("features", array_to_vector("features"))


def _scores(
    rows: DataFrame, after: DataFrame, model: Any
) -> tuple[list[bool], list[float], list[float]]:
    """Labels, riverrun's scores and MLlib's of the same events."""
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql.functions import expr

    first = expr("min_by(value, place)").alias("score")
    scored = rows.where(f"kind = {SCORED}").groupBy("key").agg(first)
    asked = model.transform(_vectors(after))
    asked = asked.withColumn("theirs", vector_to_array("probability")[1])
    joined = asked.join(scored, asked["id"] == scored["key"]).select("label", "score", "theirs")
    found = joined.collect()
    return (
        [row["label"] == 1.0 for row in found],
        [_score(bytes(row["score"])) for row in found],
        [row["theirs"] for row in found],
    )
