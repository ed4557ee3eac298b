"""Runs one worker of a pipeline."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

from app.kafka.admin import ensure_topics
from app.kafka.repeats import NotAgain
from app.kafka.rights import require_rights
from app.kafka.settings import LOGGER, KafkaSettings
from app.pipeline.load import Pipeline
from app.worker.build import new_worker
from app.worker.faust import app as faust_app
from app.worker.input.schemas import register
from app.worker.requirements import require_key

log = logging.getLogger("riverrun.worker")


def run_worker(pipeline: Pipeline, kafka: KafkaSettings) -> None:
    """Run one worker until it is told to stop by SIGTERM or SIGINT.

    Raises:
        RiverrunError: when the worker cannot go on; a supervisor starts it again.
    """
    key = os.environ.get("RIVERRUN_SNAPSHOT_KEY")
    require_key(pipeline, key)
    register(pipeline)
    LOGGER.addFilter(NotAgain())
    partitions = _partitions(pipeline, kafka)
    require_rights(pipeline, kafka)
    log.info("pipeline %s at %s: starting", pipeline.name, kafka.bootstrap_servers)
    worker = new_worker(
        pipeline,
        kafka,
        partitions=partitions,
        snapshot_key=key.encode() if key else None,
    )
    try:
        faust_app.run(worker.app)
    finally:
        worker.forget()
        if worker.failure is not None:
            raise worker.failure
        worker.stopped()
    log.info("stopped; what was processed is committed")


def _partitions(pipeline: Pipeline, kafka: KafkaSettings) -> Mapping[str, int]:
    """How many each topic of the pipeline has; those that are missing are created."""
    found: dict[str, int] = {}
    for outcome in ensure_topics(pipeline, kafka):
        if outcome.kind == "created":
            log.info("%s", outcome)
        if outcome.is_loud:
            log.warning("%s: %s", outcome.topic, outcome.text)
        if outcome.topic is not None and outcome.partitions is not None:
            found[outcome.topic] = outcome.partitions
    return found
