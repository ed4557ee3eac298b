"""Runs a sink of a pipeline."""

from __future__ import annotations

import logging
import signal
import threading

from app.kafka.admin import ensure_topics
from app.kafka.clients import replay_producer, sink_consumer
from app.kafka.repeats import NotAgain
from app.kafka.settings import LOGGER, KafkaSettings
from app.pipeline.load import Pipeline
from app.pipeline.topics import topic_of
from app.sinks.columns import rows_of
from app.sinks.input import Input
from app.sinks.opening import defaults, open_store
from app.sinks.report import Report
from app.sinks.serving import serving
from app.sinks.sink import Pace, Sink
from app.sinks.writing import Letters
from app.worker.ending import STOP_SECONDS, ForcedEnd
from topics.specs import LARGEST_LETTER, MAX_MESSAGE_BYTES

log = logging.getLogger("riverrun.sink")


def run_sink(pipeline: Pipeline, kafka: KafkaSettings, name: str) -> None:
    """Run a sink until it is told to stop by SIGTERM or SIGINT.

    Raises:
        RiverrunError: It cannot go on; a supervisor starts it again.
    """
    table = pipeline.stored[name]
    store = open_store(pipeline, name)
    LOGGER.addFilter(NotAgain())
    for outcome in ensure_topics(pipeline, kafka):
        if outcome.kind == "created":
            log.info("%s", outcome)
    topic = topic_of(pipeline, table.topic)
    assert topic is not None, "checked with the file"
    largest = {"message.max.bytes": LARGEST_LETTER + MAX_MESSAGE_BYTES}
    letters = Letters(replay_producer(kafka, largest), pipeline.rejected_topic(name))
    report = Report(pipeline.name, name, letters.by_stage)
    batch, interval = defaults(table)
    pace = Pace(batch, interval, table.retry, pipeline.worker.processing_timeout)
    with serving(report, table.web_host, table.web_port, f"sinks.{name}.web_port") as port:
        log.info("sink %s of %s: health and metrics on port %d", name, pipeline.name, port)
        source = Input(sink_consumer(pipeline, kafka, name), topic.name)
        _until_stopped(Sink(source, store, rows_of(pipeline, table.topic), letters, pace, report))
    log.info("stopped; what was written is in the store with its positions")


def _until_stopped(sink: Sink) -> None:
    stopping, forced = threading.Event(), ForcedEnd(lambda: None)

    def stop(*_: object) -> None:
        stopping.set()
        forced.within(STOP_SECONDS)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        sink.run(stopping.is_set)
    finally:
        forced.call_off()
        for number, handler in before.items():
            signal.signal(number, handler)
