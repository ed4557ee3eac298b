"""Makes a worker: the only place where its parts are made, from the pipeline file and Kafka."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from functools import partial

from app.kafka.clients import (
    group_consumer,
    restore_consumer,
    transactional_id,
    transactional_producer,
)
from app.kafka.partitions import TP
from app.kafka.settings import KafkaSettings
from app.page.process import PageProcess
from app.pipeline.load import Pipeline
from app.pipeline.stages import (
    mark_length,
    merged_inner,
    merged_together,
    merged_topics,
    mixes,
    stages,
)
from app.worker.agent_builder import new_views
from app.worker.ending import LEAVE_SECONDS
from app.worker.faust.transport import Consumer
from app.worker.input.fetching import Fetcher
from app.worker.input.mark_reader import MarkReader
from app.worker.input.topic_watch import TopicWatch
from app.worker.input.version_reader import VersionReader
from app.worker.measured import Measured
from app.worker.mixed_model import MixedModel
from app.worker.one_model import OneModel
from app.worker.output.committer import Committer, CommitTimes
from app.worker.output.purging import Purger
from app.worker.output.torn import TornOutputs, lie_beside
from app.worker.output.transactions import new_transactions
from app.worker.parts import Parts
from app.worker.processor import Processor
from app.worker.report import Report
from app.worker.shared_model import SharedModel
from app.worker.state.neighbours import KafkaGroup, Neighbours, fence
from app.worker.state.restore import Restorer
from app.worker.state.restoring import StageRestorers
from app.worker.state.standby import Standby
from app.worker.state.stores import Stores
from app.worker.task_builder import TaskBuilder
from app.worker.watchdog import Watchdog
from app.worker.worker import Worker


def new_worker(
    pipeline: Pipeline,
    kafka: KafkaSettings,
    *,
    partitions: Mapping[str, int],
    snapshot_key: bytes | None = None,
) -> Worker:
    """A worker.

    Args:
        pipeline: What to do.
        kafka: How to reach Kafka.
        partitions: By topic.
        snapshot_key: Signs and checks models that need pickle.
    """
    name = pipeline.worker.name or uuid.uuid4().hex[:12]
    processor, stores = Processor(), Stores(pipeline)
    committer = _committer(pipeline, kafka, partitions, snapshot_key, name)
    watch, standby = _topic_watch(pipeline, kafka, partitions), _standby(pipeline, kafka, stores)
    tasks = TaskBuilder(pipeline, partitions, snapshot_key)
    # Rows stay: by their log a model can be learned again.
    later = [topic for stage in stages(pipeline)[1:] for topic in stage.inputs]
    inner = [topic for topic in later if topic != pipeline.rows_topic]
    parts = Parts(
        pipeline,
        tasks,
        processor,
        committer,
        _restorers(pipeline, kafka, stores, watch, partitions, standby),
        standby,
        _neighbours(pipeline, kafka, partitions, name, standby.follow),
        watch,
        Purger(kafka.admin(), inner),
        Report(pipeline, processor.counters, committer, tasks.versions),
        Measured(processor.counters, committer),
        Watchdog(),
        partial(_fetcher, pipeline, kafka, name, committer.nudge),
        all_inputs(pipeline, partitions),
        _one_model(pipeline, kafka, tasks, committer),
    )
    page = (lambda words: PageProcess(pipeline, kafka, words)) if pipeline.worker.web_port else None
    return Worker(parts, page)


def _committer(
    pipeline: Pipeline,
    kafka: KafkaSettings,
    partitions: Mapping[str, int],
    snapshot_key: bytes | None,
    name: str,
) -> Committer:
    worker = pipeline.worker
    # Events that were keyed anew lie elsewhere than their predictions: there the key decides.
    beside = lie_beside(pipeline, partitions)
    return Committer(
        new_transactions(pipeline, kafka, name, same_partition=beside),
        CommitTimes(worker.commit_interval, worker.commit_floor),
        backlog=4 * worker.max_batch,
        patience=worker.transaction_timeout + LEAVE_SECONDS,
        snapshot_key=snapshot_key,
    )


def _fetcher(
    pipeline: Pipeline,
    kafka: KafkaSettings,
    name: str,
    nudge: Callable[[], None],
    consumer: Consumer,
) -> Fetcher:
    """The consumer of the group; ``nudge`` is called on the event loop when all is read."""

    def on_idle() -> None:
        consumer.loop.call_soon_threadsafe(nudge)

    return Fetcher(
        group_consumer(pipeline, kafka, name),
        consumer,
        on_idle=on_idle,
        merged=merged_topics(pipeline),
        together=merged_together(pipeline),
        max_idle=pipeline.labels.max_idle if pipeline.labels else 0.0,
        inner=merged_inner(pipeline),
        span=mark_length(pipeline) if mixes(pipeline) else None,
        blocks=[
            stage.next_topic for stage in stages(pipeline) if stage.next_topic and stage.next_field
        ],
    )


def all_inputs(pipeline: Pipeline, partitions: Mapping[str, int]) -> frozenset[TP]:
    """All partitions of the inputs of all stages."""
    inputs = [topic for stage in stages(pipeline) for topic in stage.inputs]
    return frozenset(TP(topic, n) for topic in inputs for n in range(partitions[topic]))


def _topic_watch(
    pipeline: Pipeline, kafka: KafkaSettings, partitions: Mapping[str, int]
) -> TopicWatch:
    made = stages(pipeline)
    fixed = [topic for stage in made for topic in (*stage.inputs, stage.state_topic)]
    fixed += [pipeline.marks_topic] if mixes(pipeline) else []
    return TopicWatch(kafka.admin(), partitions, fixed)


def _restorers(
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
            new_store=stores.new,
        )
        for stage in stages(pipeline)
    }
    outputs = next(iter(restorers.values())).outputs(pipeline)
    torn = TornOutputs(pipeline, partitions, outputs)
    return StageRestorers(restorers, watch.require_same, torn.require_none, standby)


def _standby(pipeline: Pipeline, kafka: KafkaSettings, stores: Stores) -> Standby:
    """What follows states of other workers."""
    followed = [stage for stage in stages(pipeline) if stage.partitions is None]
    views = {stage.state_topic: new_views(pipeline, stage) for stage in followed}
    return Standby(restore_consumer(pipeline, kafka), views, stores.new)


def _one_model(
    pipeline: Pipeline, kafka: KafkaSettings, tasks: TaskBuilder, committer: Committer
) -> OneModel:
    timeout = pipeline.worker.transaction_timeout + 60.0
    consumer = restore_consumer(pipeline, kafka)
    if (versions := tasks.versions) is not None:
        learners = stages(pipeline)[-1]
        readers = {
            TP(learners.inputs[0], n): VersionReader(
                consumer, pipeline.versions_topic, versions, timeout, learner=n
            )
            for n in learners.learners
        }
        return SharedModel(readers, versions, pipeline.learner.stale_after)
    if (marks := tasks.marks) is not None:
        reader = MarkReader(consumer, marks.terms.topic, marks.terms.partitions, timeout)
        last = stages(pipeline)[-1]
        return MixedModel(last, marks, reader, mark_length(pipeline), committer)
    return OneModel()


def _neighbours(
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
