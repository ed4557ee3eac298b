"""Where the time of an event goes: the worker's own parts, one after another, with a watch on each.

The parts are those of a worker, on a real broker: fetch, decode, features, predict and learn,
encode, snapshot, and the transaction. A worker runs the transaction beside the next batch; here
everything is in a row, so that the times add up.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from statistics import median
from typing import Any

from confluent_kafka import Producer

from agents.agent import Agent
from agents.sinks.score import Score
from agents.sources.features import FeatureSource
from app.kafka.admin import ensure_topics
from app.kafka.clients import group_consumer
from app.kafka.partitions import TP
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline, load_pipeline
from app.pipeline.stages import stages
from app.worker.assignment import Assignment
from app.worker.garbage import collect_seldom
from app.worker.input.fetching import Fetcher
from app.worker.output.transactions import new_transactions
from app.worker.processor import Processor
from app.worker.state.restore import Restored
from app.worker.task_builder import TaskBuilder
from app.worker.tasks import Task
from benchmarks.contenders import riverrun_file
from benchmarks.topics import Events, fill, outputs

FEATURES = 15
BATCH = 10_000
ROUNDS = 5
WARM_UP = 2
"""Batches at the beginning that do not count."""

STAGES = (
    *("fetch", "decode", "features", "predict_and_learn", "encode", "snapshot"),
    *("produce", "flush", "offsets", "commit"),
)


CLOCKS = {"wall": time.perf_counter, "cpu": time.thread_time}
"""What passes, and what of it the thread of the worker works; the rest it waits."""


class Watch:
    """Adds up the seconds that named stages take; a stage inside another counts for itself.

    Attributes:
        seconds: By clock and stage.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[tuple[str, str], float] = defaultdict(float)
        self._inside: list[list[float]] = []

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, on the watch."""

        def call(*args: Any, **kwargs: Any) -> Any:
            self._inside.append([0.0] * len(CLOCKS))
            started = [now() for now in CLOCKS.values()]
            try:
                return function(*args, **kwargs)
            finally:
                took = [now() - s for now, s in zip(CLOCKS.values(), started, strict=True)]
                self._add(stage, took, self._inside.pop())

        return call

    def _add(self, stage: str, took: Sequence[float], inner: Sequence[float]) -> None:
        for i, clock in enumerate(CLOCKS):
            self.seconds[clock, stage] += took[i] - inner[i]
            if self._inside:
                self._inside[-1][i] += took[i]

    def wrap(self, owner: Any, method: str, stage: str) -> None:
        """Put one method of one object on the watch."""
        setattr(owner, method, self.timed(stage, getattr(owner, method)))


class TimedProducer:
    """A producer whose three slow calls are on a watch; `produce` is left as it is."""

    def __init__(self, producer: Producer, watch: Watch) -> None:
        self.begin_transaction = producer.begin_transaction
        self.abort_transaction = producer.abort_transaction
        self.init_transactions = producer.init_transactions
        self.produce, self.poll = producer.produce, producer.poll
        self.flush = watch.timed("flush", producer.flush)
        self.send_offsets_to_transaction = watch.timed(
            "offsets", producer.send_offsets_to_transaction
        )
        self.commit_transaction = watch.timed("commit", producer.commit_transaction)


class FromTheBeginning:
    """What a rebalance does here: a new task for every partition, at the first event."""

    def __init__(self, pipeline: Pipeline) -> None:
        (self._stage,) = stages(pipeline)
        self._builder = TaskBuilder(pipeline)

    def restore(self, assignment: Assignment) -> Mapping[TP, int | None]:
        """Make the tasks."""
        inputs = assignment.partitions
        fresh = {(self._stage, tp.partition): Restored({}, {tp.topic: None}) for tp in inputs}
        self._builder.open(assignment, fresh)
        return dict.fromkeys(inputs)

    def assigned(self, partitions: Sequence[TP]) -> None:
        """Nothing more."""

    def revoked(self, *, lost: bool) -> None:
        """Nothing is held back."""


class Line:
    """The parts of a worker, in a row.

    Args:
        pipeline: What to do.
        kafka: Where.
    """

    def __init__(self, pipeline: Pipeline, kafka: KafkaSettings) -> None:
        self.watch = Watch()
        self.processor = Processor()
        self.fetcher = Fetcher(
            group_consumer(pipeline, kafka),
            FromTheBeginning(pipeline),
            lambda: None,
        )
        self.fetcher.subscribe([pipeline.events.topic])
        self.transactions: Any = new_transactions(pipeline, kafka, "stages")
        self.transactions.start()
        self._fetch = self.watch.timed("fetch", self.fetcher.fetch)

    def join(self) -> None:
        """Wait for the partition, then put the watch on all that there is."""
        while not self.fetcher.assignment.tasks:
            self.fetcher.fetch(1, 0.1)
        self.fetcher.restart()
        ((tp, task),) = self.fetcher.assignment.tasks.items()
        self._observe(tp, task)
        collect_seldom()
        time.sleep(1.0)  # librdkafka reads ahead: what is measured is not the broker's disk

    def _observe(self, tp: TP, task: Task) -> None:
        watch, agent = self.watch, task.agent
        assert isinstance(agent, Agent)
        source, sink = agent._source, agent.sink
        assert isinstance(source, FeatureSource)
        assert isinstance(sink, Score)
        assert sink.model is not None
        assert sink._publisher is not None
        scanner = source._reader._scanner
        decoder: tuple[Any, str] = (scanner, "scan") if scanner else (source._reader, "_read_all")
        watch.wrap(*decoder, "decode")
        watch.wrap(source._reader, "read", "features")
        watch.wrap(sink.model.estimator, "run", "predict_and_learn")
        watch.wrap(sink._publisher._encoder, "encode", "encode")
        watch.wrap(self.transactions, "_produce_outputs", "produce")
        watch.wrap(self.transactions, "_produce_state", "produce")
        self.transactions._producer = TimedProducer(self.transactions._producer, watch)

    def step(self) -> int:
        """One batch, all the way; gives the number of its events."""
        count = 0
        for batch in self._fetch(BATCH, 1.0):
            self.processor.process(batch)
            task = batch.assignment.tasks[TP(batch.topic, batch.partition)]
            change = self.watch.timed("snapshot", task.take)()
            self.transactions.commit([change], batch.assignment.group)
            count += len(batch.records)
        return count


def measure(bootstrap: str, events: Events) -> dict[tuple[str, str], float]:
    """Microseconds an event by clock and stage, over one topic."""
    pipeline = load_pipeline(riverrun_file(events, outputs(bootstrap, "stages"), scale=True))
    kafka = KafkaSettings(bootstrap)
    ensure_topics(pipeline, kafka)
    line = Line(pipeline, kafka)
    with closing(line.fetcher):
        line.join()
        done = sum(line.step() for _ in range(WARM_UP))
        line.watch.seconds.clear()
        counted = 0
        while done + counted < events.count:
            counted += line.step()
    return {
        (clock, stage): 1e6 * line.watch.seconds[clock, stage] / counted
        for clock in CLOCKS
        for stage in STAGES
    }


def run(bootstrap: str, *, quick: bool = False) -> Iterator[dict[str, Any]]:
    """A row a format and clock: medians over the rounds, in microseconds an event."""
    for format in ("json", "msgpack"):
        events = fill(bootstrap, FEATURES, 40_000 if quick else 200_000, format)
        rounds = [measure(bootstrap, events) for _ in range(1 if quick else ROUNDS)]
        for clock in CLOCKS:
            took = {stage: median(each[clock, stage] for each in rounds) for stage in STAGES}
            yield {
                "benchmark": "stages",
                "format": format,
                "clock": clock,
                "total_us": round(sum(took.values()), 2),
                **{f"{stage}_us": round(time_, 2) for stage, time_ in took.items()},
            }
