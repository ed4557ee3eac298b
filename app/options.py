"""What the commands of a pipeline have in common: its file, its settings, its Kafka."""

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from app.kafka.reading import Reader
    from app.kafka.settings import KafkaSettings
    from app.pipeline.load import Pipeline

Connect = Callable[[], "KafkaSettings"]
"""Finds the Kafka of the command, or starts the local one."""


SET = click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    help="Overrides a setting of the file, such as worker.max_batch=1000. May be repeated.",
)


def load(file: str, settings: tuple[str, ...]) -> "Pipeline":
    """The pipeline of a file, with the settings of `--set` options above it."""
    from app.pipeline.load import load_pipeline

    overrides = dict(_key_and_value(setting) for setting in settings)
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # a user's own learner "module:name" lies beside the file
    return load_pipeline(file, overrides)


def with_pipeline(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the pipeline of its FILE as `pipeline`, and its Kafka as `connect`."""

    @click.argument("file", metavar="FILE.toml")
    @SET
    @click.option(
        "--bootstrap-servers",
        metavar="HOST:PORT,...",
        envvar="KAFKA_BOOTSTRAP_SERVERS",
        show_envvar=True,
        help="The Kafka cluster; without it the file's, else the local Kafka.",
    )
    @functools.wraps(command)
    def run(
        file: str, settings: tuple[str, ...], bootstrap_servers: str | None, **options: Any
    ) -> Any:
        pipeline = load(file, settings)
        connect = functools.partial(connect_kafka, pipeline, bootstrap_servers)
        return command(pipeline=pipeline, connect=connect, **options)

    return run


def connect_kafka(pipeline: "Pipeline", bootstrap_servers: str | None) -> "KafkaSettings":
    """The Kafka that is named, else that of the pipeline file, else the local one, started."""
    from app.kafka.settings import KafkaSettings

    properties = dict(pipeline.kafka)
    of_file = properties.pop("bootstrap.servers", None)
    return KafkaSettings(bootstrap_servers or str(of_file or _local()), properties)


@contextmanager
def reading(
    pipeline: "Pipeline", kafka: "KafkaSettings", group: str | None = None
) -> "Iterator[Reader]":
    """A reader of the pipeline's topics, with the offsets of `group` or else of its workers.

    Raises:
        BrokerUnreachable: No broker answers, or none lets the program in.
    """
    from app.kafka.admin import TIMEOUT
    from app.kafka.cluster import Cluster
    from app.kafka.reading import Reader

    Cluster(kafka, TIMEOUT).topics()  # says in one line why there is no Kafka, if there is none
    consumer = {
        "group.id": group or pipeline.group,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        # What lies between two stages is deleted once it was read: begin with what is there.
        "auto.offset.reset": "earliest",
    }
    reader = Reader(kafka.consumer(consumer), kafka.admin())
    try:
        yield reader
    finally:
        reader.close()


def _local() -> str:
    from app.local_kafka import start_background

    address = start_background()
    click.echo(f"riverrun: local Kafka at {address} (riverrun kafka stop ends it)", err=True)
    return address


def _key_and_value(setting: str) -> tuple[str, str]:
    key, equals, value = setting.partition("=")
    if not equals or not key.strip():  # not shown: it may be a password
        raise click.BadParameter("must be KEY=VALUE", param_hint="--set")
    return key.strip(), value
