"""The Faust app around a worker: one agent, some timers, and nothing else."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import AsyncIterable, Sequence
from typing import Protocol

import faust
from faust.app.base import BootStrategy
from mode import Service

from app.errors import RiverrunError
from app.pipeline.load import Pipeline
from app.pipeline.stages import stages
from app.worker.faust.transport import App, Host, NoTables
from topics.records import Batch

REPORT_SECONDS = 10.0
PURGE_SECONDS = 30.0
BETWEEN_SECONDS = 0.5
WATCH_SECONDS = 2.0

log = logging.getLogger("riverrun.worker")


class Scorer(Host, Protocol):
    """What the app needs of a worker besides the transport's needs."""

    async def score(self, batches: AsyncIterable[Batch]) -> None: ...
    async def report(self) -> None: ...
    async def purge(self) -> None: ...
    async def between_done(self) -> None: ...
    async def watch(self) -> None: ...


class WorkerDied(RiverrunError):
    """Faust ended the worker without being told to."""


class _Boot(BootStrategy):
    """Starts other services where Faust has its web server: before the consumer, and stops them
    after it."""

    def __init__(self, app: App, services: Sequence[Service]) -> None:
        super().__init__(app)
        self._services = services

    def web_server(self) -> Sequence[Service]:
        return self._services


def new_app(pipeline: Pipeline, worker: Scorer, services: Sequence[Service] = ()) -> App:
    """The app of a worker: it reads the stages' inputs and hands batches to ``worker.score``.

    Args:
        pipeline: Names the inputs.
        worker: Does the work.
        services: What else lives as long as the worker.
    """
    app = App(
        pipeline.name,
        worker,
        broker="riverrun://",
        datadir=tempfile.gettempdir(),
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        autodiscover=False,
        TableManager=NoTables,
    )
    app.boot_strategy = _Boot(app, services)
    inputs = [topic for stage in stages(pipeline) for topic in stage.inputs]
    topic = app.topic(*inputs, key_serializer="raw", value_serializer="raw", acks=False)
    app.agent(topic, name="score")(worker.score)
    app.timer(REPORT_SECONDS, name="report")(worker.report)
    app.timer(PURGE_SECONDS, name="purge")(worker.purge)
    app.timer(WATCH_SECONDS, name="watch")(worker.watch)
    app.timer(BETWEEN_SECONDS, name="between")(worker.between_done)
    return app


def run(app: App) -> None:
    """Run ``app`` until SIGTERM, SIGINT or a crash.

    Raises:
        WorkerDied: on a crash; who caused it knows why.
    """
    service = faust.Worker(
        app, quiet=True, override_logging=False, redirect_stdouts=False, loglevel="WARN"
    )
    service.spinner = None
    _quiet("faust", "mode", "app.page.process", "app.worker.faust.transport")
    try:
        service.execute_from_commandline()
    except SystemExit as left:
        if left.code not in (None, 0):
            raise WorkerDied(f"the worker left with code {left.code}") from left


def _quiet(*loggers: str) -> None:
    """Faust tells of every service that starts and stops, and of each crash on its way up."""
    if not log.isEnabledFor(logging.DEBUG):
        for name in loggers:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
