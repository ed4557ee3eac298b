"""The demo from its start to its end: Kafka, topics, workers, stream, and all of them stopped."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from app.demo.cluster import (
    WEB_PORT,
    free_port,
    own_settings,
    pipeline_file,
    remove_topics,
)
from app.demo.controls import Orders
from app.demo.moment import Notes
from app.demo.play import Play
from app.demo.screen import Screen
from app.demo.stopping import Stopping
from app.demo.story import StoryFile
from app.demo.summary import Summary
from app.demo.workers import WorkerProcess, Workers
from app.demo.world import World
from app.errors import LocalKafkaError
from app.kafka.admin import ensure_topics
from app.kafka.settings import KafkaSettings, named_servers
from app.local_kafka import KAFKA_VERSION, LocalKafka
from app.local_kafka.install import kafka_jars
from app.page import controls, story
from app.pipeline.load import Pipeline, load_pipeline

STORY, ORDERS = "story.json", "orders"


@dataclass(frozen=True)
class Options:
    """What the user may choose.

    Attributes:
        world: What is simulated, for how long.
        workers: How many share the partitions, one each.
        bootstrap: The cluster; None: the one of the settings, else a Kafka of its own.
    """

    world: World
    workers: int
    bootstrap: str | None = None


def run_demo(options: Options, screen: Screen, stopping: Stopping) -> Summary:
    """Run the demo. All that it started has ended when this returns or raises.

    Raises:
        Stopped: The user ended it before the first event.
        RiverrunError: No Kafka, or workers that do not start.
    """
    own = own_settings(options.world, options.workers)
    pipeline = load_pipeline(pipeline_file(), own)
    with ExitStack() as stack:
        broker, kafka = _kafka(options.bootstrap, pipeline, screen, stopping, stack)
        stopping.check()
        with screen.step(f"Topics {pipeline.name}.*"):
            if broker is None:
                stack.callback(remove_topics, pipeline, kafka)
            ensure_topics(pipeline, kafka)
        stopping.check()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="riverrun-demo-")))
        notes = Notes()
        workers = _workers(options, own, kafka, folder, notes)
        play = Play(
            options.world,
            pipeline,
            kafka,
            workers,
            notes,
            stopping,
            broker,
            StoryFile(folder / STORY),
            Orders(folder / ORDERS),
        )
        stack.callback(play.close)
        size, days = options.world.history_size(), options.world.history
        with screen.bar(f"History of {days} days, {size:,} payments, sent", size) as count:
            play.send_history(count)
        with screen.step(_of_workers(options.workers, pipeline)):
            play.start()
        screen.tell(f"The page: {play.page}")
        with screen.bar("History scored and learned", size) as count:
            play.catch_up(count)
        with screen.live() as show:
            return play.stream(show)


def _kafka(
    bootstrap: str | None,
    pipeline: Pipeline,
    screen: Screen,
    stopping: Stopping,
    stack: ExitStack,
) -> tuple[LocalKafka | None, KafkaSettings]:
    named = bootstrap or named_servers(pipeline.kafka)
    if named is not None:
        return None, KafkaSettings.of(pipeline.kafka, named)
    with screen.step(f"Apache Kafka {KAFKA_VERSION} on this machine") as tell:
        with stopping.at_once():
            kafka_jars(tell)
        broker = LocalKafka()
        stack.callback(broker.stop)
        try:
            return broker, KafkaSettings.of(pipeline.kafka, broker.start())
        except LocalKafkaError:
            stopping.check()  # Ctrl-C in a terminal ends the tool that formats its folder too
            raise


def _workers(
    options: Options, own: dict[str, str], kafka: KafkaSettings, folder: Path, notes: Notes
) -> Workers:
    """Workers with stable names: one that is started again has its partitions back at once."""
    processes = []
    environ = {story.VARIABLE: str(folder / STORY), controls.VARIABLE: str(folder / ORDERS)}
    for number in range(1, options.workers + 1):
        port = free_port(WEB_PORT if number == 1 else 0)
        named = {"worker.name": f"{number}", "worker.web_port": f"{port}"}
        settings = [f"--set={key}={value}" for key, value in (own | named).items()]
        arguments = [str(pipeline_file()), *settings]
        arguments += ["--bootstrap-servers", kafka.bootstrap_servers]
        processes.append(WorkerProcess(arguments, folder / f"worker-{number}.log", port, environ))
    return Workers(processes, lambda line: notes.add(line, bad=True))


def _of_workers(count: int, pipeline: Pipeline) -> str:
    workers = "1 worker" if count == 1 else f"{count} workers, each with a model"
    return f"{workers}, {pipeline.learner.type.replace('_', ' ')}"
