"""An evaluation joins predictions with labels by their source, and counts what went wrong."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from app.evaluate import Evaluation, evaluate
from app.kafka.settings import KafkaSettings
from app.options import reading
from app.pipeline.load import Pipeline, load_pipeline
from app.reading import ReadError
from tests.kafka.support import create_topic, produce

PIPELINES = Path(__file__).parents[2] / "pipelines"


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
        """Predictions for events: offset, prediction, score and perhaps partition and topic."""
        produce(
            self.kafka,
            self.pipeline.predictions.topic,
            [(None, msgspec.json.encode(self._prediction(row))) for row in rows],
        )

    def dead_letter(self, offset: int) -> None:
        """A dead letter for an event."""
        place = {"topic": self.pipeline.events.topic, "partition": "0", "offset": str(offset)}
        headers = {f"__connect.errors.{name}": value for name, value in place.items()}
        producer = Producer({"bootstrap.servers": self.kafka})
        producer.produce(self.pipeline.dead_letter_topic, b"?", headers=dict(headers))
        assert producer.flush(30) == 0

    def commit(self, offset: int, partition: int = 0) -> None:
        """Set the group's offset."""
        consumer = Consumer({"bootstrap.servers": self.kafka, "group.id": self.pipeline.group})
        place = TopicPartition(self.pipeline.events.topic, partition, offset)
        consumer.commit(offsets=[place], asynchronous=False)
        consumer.close()

    def evaluate(self) -> Evaluation:
        """As `riverrun evaluate` does it."""
        with reading(self.pipeline, KafkaSettings(self.kafka)) as reader:
            return evaluate(self.pipeline, reader)

    def _prediction(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": None,
            "prediction": row.get("prediction", True),
            "score": row.get("score"),
            "model": {"name": "p", "version": 0},
            "source": {
                "topic": row.get("topic", self.pipeline.events.topic),
                "partition": row.get("partition", 0),
                "offset": row["offset"],
            },
        }


@pytest.fixture
def topics(kafka: str, topic_name: str) -> Topics:
    overrides = {
        "name": topic_name,
        "events.topic": f"{topic_name}.events",
        "predictions.topic": f"{topic_name}.predictions",
    }
    pipeline = load_pipeline(PIPELINES / "phishing.toml", overrides, {})
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
