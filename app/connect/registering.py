"""Brings the connectors of a pipeline to Kafka Connect, and tells how they are."""

from __future__ import annotations

import time
from collections.abc import Sequence

from app.connect.config import Config, configuration, connector_name, topics_of
from app.connect.rest import Connect, ConnectError, Status
from app.kafka.admin import TIMEOUT, ensure
from app.kafka.cluster import Cluster
from app.kafka.settings import KafkaSettings
from app.pipeline.model import Pipeline

START_SECONDS = 60.0
"""For so long a connector may take to start before its state is told as it is."""
_AGAIN_SECONDS = 0.5


class ConfigurationRefused(ConnectError):
    """A connector does not take its configuration; nothing was registered."""


def register(
    pipeline: Pipeline, kafka: KafkaSettings, connect: Connect, sinks: Sequence[str]
) -> list[Status]:
    """Check all connectors, create their topics, register or update them, and see them start.

    Raises:
        ConfigurationRefused: With the settings that a connector refuses. Nothing was changed.
        ConnectError: What Connect refuses.
        TopicError, BrokerUnreachable: See `ensure`.
    """
    configs = [configuration(pipeline, sink) for sink in sinks]
    for config in configs:
        _check(connect, config)
    cluster = Cluster(kafka, TIMEOUT)
    ensure(cluster, [topic for sink in sinks for topic in topics_of(pipeline, sink)])
    for config in configs:
        connect.put(config)
    return [_started(connect, config["name"]) for config in configs]


def states(pipeline: Pipeline, connect: Connect, sinks: Sequence[str]) -> list[Status]:
    """How the connectors of a pipeline are; one that Connect does not have is "MISSING"."""
    names = [connector_name(pipeline, sink) for sink in sinks]
    return [connect.status(name) or Status(name, "MISSING", None, ()) for name in names]


def restart(pipeline: Pipeline, connect: Connect, sinks: Sequence[str]) -> list[Status]:
    """Start again what has failed, and see it start."""
    for status in states(pipeline, connect, sinks):
        if status.failed:
            connect.restart(status.name)
    return [_started(connect, connector_name(pipeline, sink)) for sink in sinks]


def _check(connect: Connect, config: Config) -> None:
    if faults := connect.faults(config):
        raise ConfigurationRefused(f"{config['name']}: {'; '.join(faults)}")


def _started(connect: Connect, name: str) -> Status:
    """Its state once it runs or has failed, or after a minute whatever it is."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        status = connect.status(name) or Status(name, "MISSING", None, ())
        if status.running or status.failed or time.monotonic() > deadline:
            return status
        time.sleep(_AGAIN_SECONDS)
