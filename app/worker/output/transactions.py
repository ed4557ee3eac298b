"""The transactional producer: outputs, state and offsets become visible together, or not at all."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from time import monotonic
from typing import Any

from confluent_kafka import KafkaException, Producer, TopicPartition

from app.errors import RiverrunError
from app.kafka.clients import transactional_producer
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from app.pipeline.topics import pipeline_topics
from app.worker.output.open_records import OpenRecords
from app.worker.tasks import Change
from topics.records import Outgoing

log = logging.getLogger("riverrun.worker")

START_SECONDS = 30.0
"""How long Kafka may take to make the producer ready."""
ABORT_SECONDS = 5.0
"""How long it may take to roll back, before the worker leaves; Kafka then does it."""


class TransactionAborted(RiverrunError):
    """A transaction was rolled back; all state in memory is void and must be restored."""


class TransactionLost(RiverrunError):
    """The outcome of a transaction is not known, or the producer was fenced: leave."""


@dataclass(frozen=True, slots=True)
class OutputTopics:
    """Where a commit writes to.

    Attributes:
        predictions: The topic of the predictions.
        same_partition: Whether predictions go to the partition of their event. Else, where
            the topics have different numbers of partitions, the key decides.
    """

    predictions: str
    same_partition: bool


class LostConnections:
    """Takes the place of a client's logger, to notice that the client has lost a connection.

    Librdkafka calls no other callback for that. It leaves out lines that repeat one of the last
    30 seconds, so only the first loss of each client is sure to be noticed.

    Args:
        logger: Where the lines go on to.
    """

    _NEVER_WAS_ONE = re.compile(r"in state (INIT|DOWN|TRY_CONNECT|CONNECT)\b")
    _EVENTS = ("FAIL", "REQTMOUT")

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self.any = False
        """Whether a connection was lost, or a request was given up, so far."""

    def log(self, level: int, text: str, *args: Any) -> None:
        """Called by the client, while it is polled, with the kind of event as first argument."""
        if args and args[0] in self._EVENTS and not self._NEVER_WAS_ONE.search(str(args[-1])):
            self.any = True
        self._logger.log(level, text, *args)


class Transactions:
    """One transactional producer at a time; the methods block and are called by one thread.

    Where a connection was lost, librdkafka sends a request again on a new one, and the first may
    reach the broker later: an EndTxn would commit a part of the next transaction. So the next
    begin takes a new producer then, whose epoch fences all that is late.

    Args:
        config: librdkafka's settings, with ``transactional.id``; see `new_transactions`.
        topics: Where to write to.
        open_records: Looks for what an earlier bearer of the transactional id left open, and
            Kafka has not ended.
    """

    def __init__(
        self, config: Mapping[str, Any], topics: OutputTopics, open_records: OpenRecords
    ) -> None:
        self._config = dict(config)
        self._topics = topics
        self._open_records = open_records
        self._timeout: float = config["transaction.timeout.ms"] / 1000
        self._producer = self._new_producer()
        self.renewals = 0
        """How often a new producer was taken."""

    def _new_producer(self) -> Producer:
        self._lost = LostConnections(self._config.get("logger", log))
        # Without it librdkafka would log no loss.
        own = {"logger": self._lost, "log.connection.close": True}
        return Producer(self._config | own)

    def start(self) -> None:
        """Fence and roll back what an earlier bearer of the transactional id left open.

        Raises:
            TransactionLost: when Kafka does not answer or refuses.
        """
        try:
            self._producer.init_transactions(START_SECONDS)
            self._end_open_records()
        except KafkaException as error:
            raise TransactionLost(
                f"could not begin with transactions: {_text(error)}"
                f" (transactional id {self._config['transactional.id']})"
            ) from error

    def _end_open_records(self) -> None:
        """Abort on each partition where records stay open; see `app.worker.output.open_records`.

        Where they are another producer's, that changes nothing.
        """
        if not (places := self._open_records.places()):
            return
        for place, offset in places.items():
            log.warning(
                "%s has records from offset %d on that no transaction has ended: Kafka lost its end"
                " marker, or another program's transaction is open. What is this worker's is rolled"
                " back now; readers of committed records wait for all else",
                place,
                offset,
            )
        self._producer.begin_transaction()
        for topic, partition in places:
            self._producer.produce(topic, b"", b"rolled back", partition)
        self._producer.flush(START_SECONDS)
        self._producer.abort_transaction(START_SECONDS)

    def commit(self, changes: Sequence[Change], group: Any) -> None:
        """Commit ``changes`` as one transaction.

        0. a new producer, where requests of the last transaction may be late; 1. begin;
        2. predictions and dead letters, and all other outputs in the order of their places;
        3. changes of the state; 4. the input's offsets, fenced by the group's generation;
        5. commit.

        Args:
            changes: One for each task.
            group: The consumer group's metadata as of the assignment that gave the tasks.

        Raises:
            TransactionAborted: nothing of ``changes`` took place; restore.
            TransactionLost: leave, the supervisor restarts.
        """
        # 0. a new producer, where requests of the last transaction may be late
        self._renew_where_in_doubt()
        # After this long Kafka rolls back what is open: no step need wait any longer.
        deadline = monotonic() + self._timeout

        def left() -> float:
            return max(0.1, deadline - monotonic())

        try:
            # 1. begin
            self._producer.begin_transaction()
            # 2. predictions, dead letters and all other outputs
            for change in changes:
                self._produce_outputs(change)
            for record in in_order(changes):
                self._produce_record(record)
            # 3. changes of the state
            for change in changes:
                self._produce_state(change)
            # Without this flush the next step waits for librdkafka's own pace.
            self._producer.flush(left())
            # 4. the input's offsets
            offsets = [
                TopicPartition(topic, change.partition, offset)
                for change in changes
                for topic, offset in change.offsets.items()
            ]
            self._producer.send_offsets_to_transaction(offsets, group, left())
            # 5. commit
            self._producer.commit_transaction(left())
        except KafkaException as error:
            self._abort(error)
        except SystemError as error:
            # confluent-kafka calls `on_delivery` while it raises, and Python calls that a fault.
            if not isinstance(error.__cause__, KafkaException):
                raise
            self._abort(error.__cause__)

    def _renew_where_in_doubt(self) -> None:
        self._producer.poll(0)  # what was logged until now
        if self._lost.any:
            self._producer.purge()
            self._producer = self._new_producer()
            self.start()
            self.renewals += 1

    def _produce_outputs(self, change: Change) -> None:
        topic = self._topics.predictions
        partition = change.partition if self._topics.same_partition else -1
        produce = self._producer.produce
        for outputs in change.outputs:
            for key, value in outputs.predictions:
                try:
                    produce(topic, value, key, partition)
                except BufferError:
                    self._wait_and_produce(topic, value, key, partition)
            for record in outputs.dead_letters:
                self._produce_record(record)

    def _produce_record(self, record: Outgoing) -> None:
        self._wait_and_produce(
            record.topic,
            record.value,
            record.key,
            -1 if record.partition is None else record.partition,
            headers=record.headers,
            timestamp=record.timestamp or 0,
            **({} if record.on_delivery is None else {"on_delivery": record.on_delivery}),
        )

    def _produce_state(self, change: Change) -> None:
        topic, partition, produce = change.state_topic, change.partition, self._producer.produce
        *rows, (last_key, last) = change.state
        for key, value in rows:
            try:
                produce(topic, value, key, partition)
            except BufferError:
                self._wait_and_produce(topic, value, key, partition)
        self._wait_and_produce(topic, last, last_key, partition, on_delivery=change.delivered)

    def _wait_and_produce(self, *args: Any, **kwargs: Any) -> None:
        while True:
            try:
                self._producer.produce(*args, **kwargs)
                return
            except BufferError:
                self._producer.poll(0.1)

    def _abort(self, error: KafkaException) -> None:
        """Roll back where that is possible, and say what the caller has to do."""
        reason = error.args[0]
        if not reason.txn_requires_abort():
            raise TransactionLost(f"the transaction cannot go on: {_text(error)}") from error
        self._lost.any = True  # an abort may be late as a commit may
        try:
            self._producer.abort_transaction(ABORT_SECONDS)
        except KafkaException as again:
            raise TransactionLost(f"could not roll back: {_text(again)}") from again
        raise TransactionAborted(f"rolled back: {_text(error)}") from error


def new_transactions(
    pipeline: Pipeline, kafka: KafkaSettings, name: str, *, same_partition: bool = True
) -> Transactions:
    """The producer of a worker, or of a command that writes as one.

    Args:
        pipeline: Whose topics it writes to.
        kafka: Reaches the cluster.
        name: The worker's, or the command's: the transactional id follows from it.
        same_partition: See `OutputTopics`.
    """
    written = [topic.name for topic in pipeline_topics(pipeline) if not topic.is_input]
    return Transactions(
        transactional_producer(pipeline, kafka, name),
        OutputTopics(pipeline.predictions.topic, same_partition),
        OpenRecords(kafka.admin(), written),
    )


def in_order(changes: Sequence[Change]) -> list[Outgoing]:
    """All but predictions and dead letters, in the order in which they are written."""
    others = [o for change in changes for outputs in change.outputs for o in outputs.others]
    return sorted(others, key=attrgetter("place"))


def _text(error: KafkaException) -> str:
    return f"{error.args[0].name()}: {error.args[0].str()}"
