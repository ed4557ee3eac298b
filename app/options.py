"""What the commands of a pipeline have in common: its file, its settings, its Kafka."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import click

from app import local_kafka
from app.kafka import settings as kafka_settings
from app.pipeline import load as loading

if TYPE_CHECKING:
    from app.kafka.settings import KafkaSettings
    from app.pipeline.load import Pipeline

P = ParamSpec("P")
R = TypeVar("R")

Connect = Callable[[], "KafkaSettings"]
"""Finds the Kafka of the command, or starts the local one."""


SET = click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    help="Overrides a setting of the file, such as worker.max_batch=1000. May be repeated.",
)


def log_options(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command that runs on and on the options of its log."""
    level = click.option(
        "--log-level",
        type=click.Choice(["debug", "info", "warning", "error"]),
        default="info",
        show_default=True,
    )
    form = click.option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="json: one JSON object a line.",
    )
    return level(form(command))


def snapshot_key() -> bytes | None:
    """The key of the environment that signs models which need pickle."""
    key = os.environ.get("RIVERRUN_SNAPSHOT_KEY")
    return key.encode() if key else None


def load(file: str, settings: tuple[str, ...]) -> Pipeline:
    """The pipeline of a file, with the settings of `--set` options above it."""
    overrides = dict(_key_and_value(setting) for setting in settings)
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # a user's own learner "module:name" lies beside the file
    return loading.load_pipeline(file, overrides)


def with_pipeline(
    command: Callable[Concatenate[Pipeline, Connect, P], R],
) -> Callable[..., R]:
    """Give a command the pipeline of its FILE, and its Kafka, before its own options."""

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
        file: str,
        settings: tuple[str, ...],
        bootstrap_servers: str | None,
        *args: P.args,
        **options: P.kwargs,
    ) -> R:
        pipeline = load(file, settings)
        connect = functools.partial(connect_kafka, pipeline, bootstrap_servers)
        return command(pipeline, connect, *args, **options)

    return run


def connect_kafka(pipeline: Pipeline, bootstrap_servers: str | None) -> KafkaSettings:
    """The Kafka that is named, else that of the pipeline file, else the local one, started."""
    servers = bootstrap_servers or kafka_settings.named_servers(pipeline.kafka) or _local()
    return kafka_settings.KafkaSettings.of(pipeline.kafka, servers)


def _local() -> str:
    address = local_kafka.start_background()
    click.echo(f"riverrun: local Kafka at {address} (riverrun kafka stop ends it)", err=True)
    return address


def _key_and_value(setting: str) -> tuple[str, str]:
    key, equals, value = setting.partition("=")
    if not equals or not key.strip():  # not shown: it may be a password
        raise click.BadParameter("must be KEY=VALUE", param_hint="--set")
    return key.strip(), value
