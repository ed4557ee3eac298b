"""Makes the parts of a worker from the pipeline file and the way to Kafka."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from app.kafka.clients import (
    group_consumer,
    restore_consumer,
    transactional_id,
    transactional_producer,
)
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from app.pipeline.stages import merged_topics, stages
from app.worker.agent_builder import new_views
from app.worker.ending import LEAVE_SECONDS
from app.worker.faust.transport import Consumer
from app.worker.input.fetching import TP, Fetcher
from app.worker.input.topic_watch import TopicWatch
from app.worker.output.committer import Committer, CommitTimes
from app.worker.output.purging import Purger
from app.worker.output.torn import TornOutputs, lie_beside
from app.worker.output.transactions import OutputTopics, Transactions
from app.worker.processor import Processor
from app.worker.state.neighbours import KafkaGroup, Neighbours, fence
from app.worker.state.restore import Restorer
from app.worker.state.restoring import StageRestorers
from app.worker.state.standby import Standby
from app.worker.state.stores import Stores


def new_committer(
    pipeline: Pipeline,
    kafka: KafkaSettings,
    partitions: Mapping[str, int],
    processor: Processor,
    consumer: Callable[[], Consumer],
    snapshot_key: bytes | None,
    name: str,
) -> Committer:
    """What commits the work of the processor.

    Args:
        pipeline: What to do.
        kafka: How to reach Kafka.
        partitions: By topic.
        processor: Has the tasks.
        consumer: The one of the app, which is there once the app runs.
        snapshot_key: Signs models that need pickle.
        name: Of the worker.
    """
    worker = pipeline.worker
    predictions = pipeline.predictions.topic
    # Events that were keyed anew lie elsewhere than their predictions: there the key decides.
    beside = lie_beside(pipeline, partitions)
    producer = transactional_producer(pipeline, kafka, name)
    return Committer(
        Transactions(producer, OutputTopics(predictions, same_partition=beside)),
        CommitTimes(worker.commit_interval, worker.commit_floor),
        tasks=lambda: processor.tasks.values(),
        group=lambda: consumer().fetcher.group,
        idle=lambda: consumer().idle,
        whole=lambda: processor.whole,
        on_failure=processor.forget,
        backlog=4 * worker.max_batch,
        patience=worker.transaction_timeout + LEAVE_SECONDS,
        snapshot_key=snapshot_key,
    )


def new_fetcher(
    pipeline: Pipeline,
    kafka: KafkaSettings,
    consumer: Consumer,
    nudge: Callable[[], None],
    name: str,
) -> Fetcher:
    """The consumer of the group.

    Args:
        pipeline: What to read.
        kafka: How to reach Kafka.
        consumer: Is told of rebalances.
        nudge: Called on the event loop when all is read.
        name: Of the worker.
    """

    def on_idle() -> None:
        consumer.loop.call_soon_threadsafe(nudge)

    return Fetcher(
        group_consumer(pipeline, kafka, name),
        consumer,
        on_idle=on_idle,
        merged=merged_topics(pipeline),
        together=len(stages(pipeline)) > 1,
        max_idle=pipeline.labels.max_idle if pipeline.labels else 0.0,
    )


def all_inputs(pipeline: Pipeline, partitions: Mapping[str, int]) -> frozenset[TP]:
    """All partitions of the inputs of all stages."""
    inputs = [topic for stage in stages(pipeline) for topic in stage.inputs]
    return frozenset(TP(topic, n) for topic in inputs for n in range(partitions[topic]))


def new_watch(
    pipeline: Pipeline, kafka: KafkaSettings, partitions: Mapping[str, int]
) -> TopicWatch:
    """What sees that the topics stay the same ones."""
    made = stages(pipeline)
    fixed = [topic for stage in made for topic in (*stage.inputs, stage.state_topic)]
    return TopicWatch(kafka.admin(), partitions, fixed)


def new_restorers(
    pipeline: Pipeline,
    kafka: KafkaSettings,
    stores: Stores,
    watch: TopicWatch,
    partitions: Mapping[str, int],
    standby: Standby,
) -> StageRestorers:
    """What restores the states of all stages into ``stores``."""
    restorers = {
        stage: Restorer(
            restore_consumer(pipeline, kafka),
            kafka.admin(),
            stage.inputs,
            stage.state_topic,
            latest=pipeline.worker.start == "latest",
            timeout=pipeline.worker.transaction_timeout + 60.0,
            new_store=partial(stores.new, stage.state_topic),
        )
        for stage in stages(pipeline)
    }
    outputs = next(iter(restorers.values())).outputs(pipeline)
    torn = TornOutputs(pipeline, partitions, outputs)
    return StageRestorers(restorers, watch.require_same, torn.require_none, standby)


def new_standby(pipeline: Pipeline, kafka: KafkaSettings, stores: Stores) -> Standby:
    """What follows states of other workers."""
    views = {stage.state_topic: new_views(pipeline, stage) for stage in stages(pipeline)}
    return Standby(restore_consumer(pipeline, kafka), views, stores.new)


def new_neighbours(
    pipeline: Pipeline,
    kafka: KafkaSettings,
    partitions: Mapping[str, int],
    name: str,
    follow: Callable[[frozenset[int]], None],
) -> Neighbours:
    """What looks at the other workers; ``follow`` takes the partitions to follow."""
    family = transactional_id(pipeline, "")

    def fence_worker(client: str) -> None:
        fence(transactional_producer(pipeline, kafka, client.removeprefix(family)))

    return Neighbours(
        KafkaGroup(kafka.admin(), pipeline.group),
        transactional_id(pipeline, name),
        family,
        fence=fence_worker,
        follow=follow,
        partitions=partitions[pipeline.events.topic],
        standbys=pipeline.worker.standbys,
    )


def new_purger(pipeline: Pipeline, kafka: KafkaSettings) -> Purger:
    """What deletes from the topics between two stages."""
    inner = [topic for stage in stages(pipeline)[1:] for topic in stage.inputs]
    return Purger(kafka.admin(), inner)
