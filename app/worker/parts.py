"""All that a worker is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.kafka.partitions import TP
from app.pipeline.load import Pipeline
from app.worker.faust.transport import Consumer
from app.worker.input.fetching import Fetcher
from app.worker.input.topic_watch import TopicWatch
from app.worker.measured import Measured
from app.worker.one_model import OneModel
from app.worker.output.committer import Committer
from app.worker.output.purging import Purger
from app.worker.processor import Processor
from app.worker.report import Report
from app.worker.state.neighbours import Neighbours
from app.worker.state.restoring import StageRestorers
from app.worker.state.standby import Standby
from app.worker.task_builder import TaskBuilder
from app.worker.watchdog import Watchdog


@dataclass(frozen=True, slots=True)
class Parts:
    """All that a worker is made of; ``build.new_worker`` makes them.

    Attributes:
        pipeline: What to do.
        tasks: Makes the tasks of an assignment.
        processor: Feeds them.
        committer: Commits what they did; it has the assignment of this moment.
        restorers: Read states from Kafka.
        standby: Follows states of other workers.
        neighbours: Looks at the other workers.
        watch: Sees that the topics stay the same ones.
        purger: Deletes what was read between two stages.
        report: Writes the log.
        measured: For the metrics.
        watchdog: Ends a worker in which something hangs.
        fetcher: Makes the group's consumer, which tells this one of rebalances.
        inputs: All partitions of the inputs of all stages.
        shared: What is done for a model that all partitions have.
    """

    pipeline: Pipeline
    tasks: TaskBuilder
    processor: Processor
    committer: Committer
    restorers: StageRestorers
    standby: Standby
    neighbours: Neighbours
    watch: TopicWatch
    purger: Purger
    report: Report
    measured: Measured
    watchdog: Watchdog
    fetcher: Callable[[Consumer], Fetcher]
    inputs: frozenset[TP]
    shared: OneModel
