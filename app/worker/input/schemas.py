"""Schemas of Avro values, asked for before a batch is processed.

A registry that is away holds the input up: nothing is fetched beyond what is queued, nothing is
lost, and the worker goes on once it answers.
"""

from __future__ import annotations

import asyncio
import logging
from time import monotonic

from app.errors import RegistryAway
from app.pipeline.load import Pipeline
from app.pipeline.topics import pipeline_topics
from topics.records import Batch, Record

log = logging.getLogger("riverrun.worker")

AGAIN_SECONDS = 1.0
"""Between two questions to a registry that is away."""
TOLD_SECONDS = 10.0
"""Between two lines of the log about a registry that is away."""


class Schemas:
    """Waits for the schemas that the values of a batch name.

    Args:
        pipeline: Which of its inputs are Avro.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        inputs = [topic for topic in pipeline_topics(pipeline) if topic.is_input]
        self._topics = {topic.name for topic in inputs if topic.format == "avro"}
        if self._topics:
            from app.kafka.registry import registry_of  # what it needs is optional
            from topics.avro import schema_id

            self._registry, self._id = registry_of(pipeline.registry), schema_id

    async def known(self, batch: Batch) -> None:
        """Return when all of them are known, or known not to be there."""
        if not self._topics:
            return
        for record in batch.records:
            id_ = self._id(record.value()) if record.topic() in self._topics else None
            if id_ is not None and not self._registry.knows(id_):
                await self._wait_for(id_, record)

    async def _wait_for(self, id_: int, record: Record) -> None:
        told = monotonic() - TOLD_SECONDS
        while not self._registry.knows(id_):
            try:  # beside the event loop: commits and heartbeats go on
                await asyncio.to_thread(self._registry.schema, id_, 0.0)
            except RegistryAway as error:
                if monotonic() - told >= TOLD_SECONDS:
                    told = monotonic()
                    where = f"{record.topic()}[{record.partition()}]@{record.offset()}"
                    log.warning("%s waits, nothing is lost: %s", where, error)
                await asyncio.sleep(AGAIN_SECONDS)


def register(pipeline: Pipeline) -> None:
    """Register the schemas of what the pipeline writes, or see that they are there.

    Raises:
        RegistryAway: The registry does not answer.
        RegistryError: It refuses a schema, or does not have one that may not be registered.
    """
    for topic in pipeline_topics(pipeline):
        if topic.role == "predictions" and topic.format == "avro":
            from topics.avro import AvroCodec  # what it needs is optional

            codec = topic.codec
            assert isinstance(codec, AvroCodec)
            codec.prepare()
