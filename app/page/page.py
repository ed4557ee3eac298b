"""Puts the page of a pipeline into the web server of a worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import faust
from faust.web.base import BlueprintManager

from app.kafka.settings import KafkaSettings
from app.page.feed import Feed
from app.page.reader import PageReader
from app.page.server import Page
from app.pipeline.load import Pipeline


def add_page(
    app: faust.App, pipeline: Pipeline, kafka: KafkaSettings, counts: Callable[[], dict[str, Any]]
) -> None:
    """Serve the page at ``/``, beside what ``app.page`` has; Faust's own pages go.

    Args:
        app: Its web server starts and stops with the worker.
        pipeline: What is shown.
        kafka: Reaches its topics.
        counts: What this worker did.
    """
    feed = Feed(pipeline)
    page = Page(feed, PageReader(pipeline, kafka, feed), counts, pipeline.worker.web_host)
    server: Any = app.web
    server.blueprints = BlueprintManager()
    page.install(server.web_app)
