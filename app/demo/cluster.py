"""What the demo runs on: its pipeline, a Kafka, topics of its own, a port for the health page."""

from __future__ import annotations

import socket
import uuid
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

import app
from app.errors import RiverrunError
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline

SOURCES = ("shuttle", "phishing")
"""Data sets that River ships, with two classes and a pipeline file here."""
WEB_PORT = 6066
PARTITIONS = 2


class DemoError(RiverrunError):
    """The demo cannot run, or cannot go on."""


def pipeline_file(source: str) -> Path:
    """The pipeline file of a data set.

    Raises:
        DemoError: The folder `pipelines` is neither beside the program nor here.
    """
    places = [Path(app.__file__).parents[1], Path.cwd()]
    files = [place / "pipelines" / f"{source}.toml" for place in places]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise DemoError(f"pipelines/{source}.toml is not here: run the demo in riverrun's folder")
    return found


def own_names(workers: int) -> dict[str, str]:
    """Settings over the pipeline file: names that no other run has, and partitions for all."""
    name = f"demo-{uuid.uuid4().hex[:8]}"
    return {
        "name": name,
        "events.topic": f"{name}.events.v1",
        "predictions.topic": f"{name}.predictions.v1",
        "topics.partitions": str(max(PARTITIONS, workers)),
    }


def named_cluster(option: str | None, pipeline: Pipeline) -> str | None:
    """The cluster that the user names; None: the demo starts a Kafka of its own."""
    of_file = pipeline.kafka.get("bootstrap.servers")
    return option or (str(of_file) if of_file else None)


def settings_for(pipeline: Pipeline, bootstrap: str) -> KafkaSettings:
    """The settings of every client."""
    properties = {k: v for k, v in pipeline.kafka.items() if k != "bootstrap.servers"}
    return KafkaSettings(bootstrap, properties)


def remove_topics(pipeline: Pipeline, kafka: KafkaSettings) -> None:
    """Remove what the demo made on a cluster that stays; what cannot be removed is left."""
    names = (pipeline.events.topic, pipeline.predictions.topic)
    own = (pipeline.state_topic, pipeline.dead_letter_topic)
    admin = AdminClient(kafka.admin())
    answers = admin.delete_topics([*names, *own], request_timeout=15)
    groups = admin.delete_consumer_groups([pipeline.group], request_timeout=15)
    for answer in (*answers.values(), *groups.values()):
        try:
            answer.result(20)
        except (KafkaException, TimeoutError):
            continue


def free_port(wanted: int = 0) -> int:
    """`wanted` if it is free, else any other port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
