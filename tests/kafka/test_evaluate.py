"""An evaluation joins predictions with labels by their source, and counts what went wrong."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from app.commands.evaluate import as_line, as_table
from app.evaluation.evaluate import ALL, Evaluation, Span, evaluate
from app.kafka.reading import ReadError, reading
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline, load_pipeline
from tests.kafka.support import PIPELINES, create_topic, phishing, produce

DAY = 86_400_000
START = 20 * DAY


@dataclass
class Topics:
    """The topics of a pipeline of this test's own, and what is on them."""

    kafka: str
    pipeline: Pipeline

    def events(self, labels: Iterable[Any], partition: int = 0) -> None:
        """An event for each label; None: without one."""
        rows = [{"x": 1} | ({} if y is None else {"is_phishing": y}) for y in labels]
        records = [(None, msgspec.json.encode(row)) for row in rows]
        produce(self.kafka, self.pipeline.events.topic, records, partition)

    def predictions(self, *rows: Mapping[str, Any]) -> None:
        """Predictions for events: offset, prediction, score and perhaps partition and topic.

        All on one partition: what is read first is then what was written first.
        """
        produce(
            self.kafka,
            self.pipeline.predictions.topic,
            [(b"one", msgspec.json.encode(self._prediction(row))) for row in rows],
        )

    @property
    def events_topic(self) -> str:
        """Where the events are."""
        return self.pipeline.events.topic

    @property
    def labels_topic(self) -> str:
        """Where the late labels are."""
        assert self.pipeline.labels is not None
        return self.pipeline.labels.topic

    def timed(self, topic: str, rows: Iterable[tuple[int, Any]], partition: int = 0) -> None:
        """Records with a time of their own, in milliseconds since `START`."""
        producer = Producer({"bootstrap.servers": self.kafka})
        for time, row in rows:
            value = msgspec.json.encode(row)
            producer.produce(topic, value, partition=partition, timestamp=START + time)
        assert producer.flush(30) == 0

    def dead_letter(self, offset: int, topic: str | None = None) -> None:
        """A dead letter for an event, or for a record of another topic."""
        topic = topic or self.pipeline.events.topic
        place = {"topic": topic, "partition": "0", "offset": str(offset)}
        headers = {f"__connect.errors.{name}": value for name, value in place.items()}
        producer = Producer({"bootstrap.servers": self.kafka})
        producer.produce(self.pipeline.dead_letter_topic, b"?", headers=dict(headers))
        assert producer.flush(30) == 0

    def commit(self, offset: int, partition: int = 0, topic: str | None = None) -> None:
        """Set the group's offset."""
        consumer = Consumer({"bootstrap.servers": self.kafka, "group.id": self.pipeline.group})
        place = TopicPartition(topic or self.pipeline.events.topic, partition, offset)
        consumer.commit(offsets=[place], asynchronous=False)
        consumer.close()

    def evaluate(self, span: Span = ALL) -> Evaluation:
        """As `riverrun evaluate` does it."""
        with reading(self.pipeline, KafkaSettings(self.kafka)) as reader:
            return evaluate(self.pipeline, reader, span)

    def _prediction(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": row.get("id"),
            "prediction": row.get("prediction", True),
            "score": row.get("score"),
            "model": {"name": "p", "version": 0},
            **({"decision": row["decision"]} if "decision" in row else {}),
            "source": {
                "topic": row.get("topic", self.pipeline.events.topic),
                "partition": row.get("partition", 0),
                "offset": row["offset"],
            },
        }


@pytest.fixture
def topics(kafka: str, topic_name: str) -> Topics:
    pipeline = phishing(topic_name, predictions=f"{topic_name}.predictions")
    for topic in (pipeline.events.topic, pipeline.predictions.topic, pipeline.dead_letter_topic):
        create_topic(kafka, topic, 2)
    return Topics(kafka, pipeline)


def test_predictions_meet_the_labels_of_their_events(topics: Topics) -> None:
    topics.events([True, 0, None, 1])
    topics.events([False], partition=1)
    topics.predictions(
        {"offset": 3, "prediction": False, "score": 0.4},
        {"offset": 0, "prediction": True, "score": 0.9},
        {"offset": 0, "partition": 1, "prediction": True, "score": 0.6},
        {"offset": 1, "prediction": False, "score": 0.2},
        {"offset": 2, "prediction": False, "score": 0.1},
    )
    topics.commit(4)
    topics.commit(1, partition=1)
    found = topics.evaluate()
    assert (found.task, found.events, found.predictions, found.labelled) == ("binary", 5, 5, 4)
    assert (found.missing, found.duplicates, found.waiting, found.dead_letters) == (0, 0, 0, 0)
    assert found.metrics["accuracy"] == 0.5
    assert found.metrics["roc_auc"] == 0.75
    assert found.metrics["positives"] == 2


def test_what_breaks_the_promise_is_counted(topics: Topics) -> None:
    topics.events([True] * 6)
    topics.predictions({"offset": 0}, {"offset": 0}, {"offset": 2}, {"offset": 0})
    topics.dead_letter(1)
    topics.commit(4)
    found = topics.evaluate()
    assert (found.events, found.predictions, found.dead_letters) == (6, 2, 1)
    assert (found.duplicates, found.missing, found.waiting, found.skipped) == (2, 1, 2, 0)


def test_what_a_start_at_latest_left_out_is_not_missing(topics: Topics) -> None:
    topics.pipeline = topics.pipeline.model_copy(
        update={"worker": topics.pipeline.worker.model_copy(update={"start": "latest"})}
    )
    topics.events([True] * 4)
    topics.predictions({"offset": 2})
    topics.commit(4)
    found = topics.evaluate()
    assert (found.skipped, found.missing, found.waiting) == (2, 1, 0)


def test_predictions_of_other_topics_and_bad_labels_are_left_out(topics: Topics) -> None:
    topics.events(["yes", 7, True])
    produce(topics.kafka, topics.pipeline.events.topic, [(None, b"{")], 0)
    topics.predictions(*({"offset": n} for n in range(4)), {"offset": 9, "topic": "other"})
    topics.commit(4)
    found = topics.evaluate()
    assert (found.predictions, found.labelled, found.missing) == (4, 1, 0)


def test_predictions_of_an_aborted_transaction_do_not_count(topics: Topics) -> None:
    topics.events([True])
    producer = Producer(
        {"bootstrap.servers": topics.kafka, "transactional.id": topics.pipeline.name}
    )
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce(topics.pipeline.predictions.topic, b"never read")
    producer.flush(30)
    producer.abort_transaction()
    topics.commit(1)
    found = topics.evaluate()
    assert (found.predictions, found.missing) == (0, 1)


def test_nothing_on_the_topics_gives_an_empty_evaluation(topics: Topics) -> None:
    found = topics.evaluate()
    assert (found.events, found.predictions, found.waiting) == (0, 0, 0)


LATE = """
name = "late"

[events]
topic = "events"
id = "id"
key = "card"

[labels]
topic = "labels"
label = "fraud"
expire = "8d"

[[entities]]
field = "card"
features = ["count"]

[[entities]]
field = "terminal"
features = ["count"]

[predictions]
topic = "predictions"

[learner]
type = "logistic_regression"

[metrics]
topic = "metrics"
k = 1
entity = "card"
amount = "amount"
"""


@pytest.fixture
def late(kafka: str, topic_name: str, tmp_path: Path) -> Topics:
    """A pipeline with late labels, and events that are keyed anew on their way."""
    file = tmp_path / "late.toml"
    file.write_text(LATE)
    names = ("events", "labels", "predictions", "metrics")
    overrides = {f"{name}.topic": f"{topic_name}.{name}" for name in names}
    pipeline = load_pipeline(file, overrides | {"name": topic_name}, {})
    inner = f"{topic_name}.by-terminal.v1"
    written = (pipeline.events.topic, overrides["labels.topic"], pipeline.predictions.topic)
    for topic in (*written, pipeline.dead_letter_topic, inner):
        create_topic(kafka, topic, 2, retention_ms="-1")
    return Topics(kafka, pipeline)


def payment(id_: str, card: str, amount: float) -> dict[str, Any]:
    """An event of the pipeline with late labels."""
    return {"id": id_, "card": card, "terminal": "t", "amount": amount}


def test_late_labels_are_joined_by_id_and_the_last_one_counts(late: Topics) -> None:
    late.timed(late.events_topic, [(0, payment("a", "c1", 10.0)), (1, payment("b", "c2", 30.0))])
    late.timed(late.events_topic, [(DAY, payment("c", "c1", 5.0))])
    late.timed(late.events_topic, [(2, payment("d", "c3", 7.0))], partition=1)
    early = [(1, {"id": "d", "fraud": False}), (1, {"id": "nobody", "fraud": True})]
    late.timed(late.labels_topic, early, partition=1)
    labels = [("a", False), ("b", True), ("c", "what"), ("a", True), ("c", True)]
    late.timed(late.labels_topic, [(2 * DAY, {"id": i, "fraud": y}) for i, y in labels])
    late.predictions(
        {"offset": 0, "score": 0.9, "decision": "alert"},
        {"offset": 1, "score": 0.2, "decision": "pass"},
        {"offset": 2, "score": 0.8, "decision": "pass"},
        {"offset": 0, "partition": 1, "score": 0.6, "decision": "pass"},
    )
    late.commit(3)
    late.commit(1, partition=1)
    found = late.evaluate()
    assert (found.events, found.predictions, found.labelled, found.missing) == (4, 4, 4, 0)
    assert found.metrics["positives"] == 3
    assert found.metrics["roc_auc"] == pytest.approx(2 / 3)
    first, second = found.windows
    assert (first.start, first.events, first.positives, first.alerts) == (START, 3, 2, 1)
    assert (first.metrics["card_precision_at_k"], second.metrics["card_precision_at_k"]) == (1, 0)
    assert (first.metrics["saved"], first.metrics["lost"]) == (9.0, 30.0)
    assert (second.metrics["saved"], second.metrics["lost"]) == (5.0, 0.0)
    assert (found.metrics["saved"], found.metrics["alert_precision"]) == (14.0, 1.0)


def test_predictions_of_events_that_are_no_more_are_not_those_of_new_ones(late: Topics) -> None:
    new = [(n, payment(f"new-{n}", "c", 1.0)) for n in range(5)]
    late.timed(late.events_topic, new)
    late.timed(late.labels_topic, [(9, {"id": f"new-{n}", "fraud": n == 0}) for n in range(5)])
    old = [{"offset": n, "id": f"old-{n}", "score": 0.9} for n in range(3)]
    scored = [{"offset": n, "id": f"new-{n}", "score": 0.1} for n in (2, 3, 4, 4)]
    late.predictions(*old, *scored)
    late.commit(5)
    found = late.evaluate()
    assert (found.events, found.predictions, found.of_other_events) == (5, 3, 3)
    assert (found.missing, found.duplicates, found.labelled) == (2, 1, 3)
    assert found.metrics["positives"] == 0
    assert "predictions of other events" in as_table(found)


def test_labels_on_another_partition_than_their_event_are_counted(late: Topics) -> None:
    for partition in (0, 1):
        rows = [(n, payment(f"{partition}{n}", "c", 1.0)) for n in range(4)]
        late.timed(late.events_topic, rows, partition)
    here = [(9, {"id": id_, "fraud": True}) for id_ in ("00", "01", "10", "11", "x", "y", "z")]
    late.timed(late.labels_topic, here)
    late.timed(late.labels_topic, [(9, {"id": "11", "fraud": False})], 1)
    late.dead_letter(4, topic=late.labels_topic)
    late.predictions(
        *({"offset": n, "partition": p, "score": 0.5} for n in range(4) for p in (0, 1))
    )
    for partition in (0, 1):
        late.commit(4, partition)
    found = late.evaluate()
    assert (found.labelled, found.missing, found.dead_letters) == (4, 0, 0)
    assert (found.labels_elsewhere, found.labels_unmatched, found.label_dead_letters) == (1, 3, 1)
    assert re.search(r"^labels on another partition than their event +1$", as_table(found), re.M)
    assert (found.labels, found.labels_met) == (7, 3)
    of_a_day = late.evaluate(Span(START, START + DAY))
    assert (of_a_day.labels_unmatched, of_a_day.labels, of_a_day.labels_met) == (None, None, None)


def test_offsets_without_a_record_are_counted(topics: Topics) -> None:
    producer = Producer(
        {"bootstrap.servers": topics.kafka, "transactional.id": topics.events_topic}
    )
    producer.init_transactions()
    for _ in range(3):
        producer.begin_transaction()
        producer.produce(topics.events_topic, b'{"x": 1}', partition=0)
        producer.commit_transaction()
    topics.predictions(*({"offset": n} for n in (0, 2, 4)))
    topics.commit(6)
    found = topics.evaluate()
    assert (found.events, found.missing, found.gaps) == (3, 0, 2)
    assert found.learned is None


def test_a_span_leaves_out_the_events_before_and_after_it(late: Topics) -> None:
    days = [(n * DAY + 5, payment(f"e{n}", "c", 1.0)) for n in range(5)]
    late.timed(late.events_topic, days)
    late.timed(late.labels_topic, [(9 * DAY, {"id": f"e{n}", "fraud": n == 2}) for n in range(5)])
    late.predictions(*({"offset": n, "score": n / 10} for n in (0, 0, 1, 2, 2)))
    late.commit(5)
    found = late.evaluate(Span(START + DAY, START + 4 * DAY))
    assert (found.events, found.predictions, found.labelled) == (3, 2, 2)
    assert (found.missing, found.duplicates) == (1, 1)
    assert [window.start for window in found.windows] == [START + DAY, START + 2 * DAY]


def test_an_expired_event_has_the_label_that_the_pipeline_says(late: Topics) -> None:
    labels = late.pipeline.labels
    assert labels is not None
    learned = labels.model_copy(update={"on_expire": False})
    late.pipeline = late.pipeline.model_copy(update={"labels": learned})
    late.timed(late.events_topic, [(0, payment("a", "c", 1.0)), (1, payment("b", "c", 1.0))])
    late.timed(late.events_topic, [(8 * DAY, payment("c", "c", 1.0))])
    late.timed(late.labels_topic, [(2, {"id": "b", "fraud": True})])
    late.predictions(*({"offset": n, "score": 0.5} for n in range(3)))
    late.commit(3)
    found = late.evaluate()
    assert (found.labelled, found.metrics["positives"]) == (2, 1)


def test_what_lies_between_two_stages_is_waiting_and_not_missing(late: Topics) -> None:
    late.timed(late.events_topic, [(n, payment(str(n), "c", 1.0)) for n in range(4)])
    late.predictions({"offset": 0, "score": 0.5})
    late.dead_letter(1)
    late.dead_letter(2, topic=late.labels_topic)
    inner = f"{late.pipeline.name}.by-terminal.v1"
    late.timed(inner, [(n, {}) for n in range(3)])
    late.commit(2, topic=inner)
    late.commit(4)
    found = late.evaluate()
    assert (found.predictions, found.dead_letters) == (1, 1)
    assert (found.waiting, found.missing) == (1, 1)


def test_windows_are_shown_as_a_table_and_as_json(late: Topics) -> None:
    late.timed(late.events_topic, [(0, payment("a", "c1", 10.0))])
    late.timed(late.labels_topic, [(1, {"id": "a", "fraud": True})])
    late.predictions({"offset": 0, "score": 0.9})
    late.commit(1)
    found = late.evaluate()
    assert "card precision at k" in as_table(found)
    assert "\n1970-01-21 00:00 " in as_table(found)
    (window,) = json.loads(as_line(found))["windows"]
    assert (window["start"], window["saved"], window["roc_auc"]) == (START, 9.0, None)


def test_a_record_that_is_no_prediction_is_named(topics: Topics) -> None:
    produce(topics.kafka, topics.pipeline.predictions.topic, [(None, b"[]")], 1)
    with pytest.raises(ReadError, match=r"predictions\[1\]@0: is no prediction"):
        topics.evaluate()


def test_a_topic_that_is_not_there_is_named(kafka: str, topic_name: str) -> None:
    pipeline = load_pipeline(PIPELINES / "phishing.toml", {"events.topic": topic_name}, {})
    with (
        reading(pipeline, KafkaSettings(kafka)) as reader,
        pytest.raises(ReadError, match=f"^{topic_name}: .* creates a pipeline's topics"),
    ):
        evaluate(pipeline, reader)
