"""Reads the whole state of a pipeline as a restore does, and says all that is wrong with it.

Nothing is written, and no group is joined: it may run beside workers.
"""

from __future__ import annotations

from contextlib import closing

from app.kafka.group import members
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from app.state.look import StateLook
from app.state.report import StateReport


def check_state(pipeline: Pipeline, kafka: KafkaSettings) -> StateReport:
    """Read the state of all partitions of all stages."""
    count = members(pipeline, kafka)
    with closing(StateLook(pipeline, kafka)) as look:
        if missing := tuple(look.missing()):
            return StateReport((), missing, count)
        return StateReport(tuple(look.partitions()), (), count)
