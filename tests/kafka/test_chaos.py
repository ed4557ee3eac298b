"""Minutes of kill -9, SIGSTOP, SIGTERM and broker restarts; then the model of a bare loop.

``make chaos`` runs it. RIVERRUN_CHAOS_SEED repeats a run's choices, RIVERRUN_CHAOS_SECONDS sets
how long each of the two lasts.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Producer

from app.local_kafka import LocalKafka
from app.local_kafka.broker import free_ports
from tests.kafka.running import (
    Stream,
    WorkerProcess,
    assert_equal_to_bare_loop,
    stream,
    synthetic,
    workers,
)

SECONDS = float(os.environ.get("RIVERRUN_CHAOS_SECONDS", "150"))
PARTITIONS = 4
EVENTS_A_SECOND = 40
"""For each partition."""

OURS = {"type": "passive_aggressive", "C": 0.01, "scale": True}
FOREST = {"type": "river.forest.ARFClassifier", "seed": 7, "n_models": 3}


class Sender(threading.Thread):
    """Sends events to all partitions until it is told to stop; each once, broker or not."""

    def __init__(self, pipeline: Stream) -> None:
        super().__init__()
        self._pipeline = pipeline
        self._producer = Producer(
            {"bootstrap.servers": pipeline.bootstrap, "enable.idempotence": True, "log_level": 0}
        )
        self._told_to_stop = threading.Event()

    def run(self) -> None:
        number = 0
        while not self._told_to_stop.wait(0.5):
            for partition, sent in enumerate(self._pipeline.events):
                number += 1
                events = synthetic(number, EVENTS_A_SECOND // 2)
                for event in events:
                    value = json.dumps(event).encode()
                    topic = self._pipeline.pipeline.events.topic
                    self._producer.produce(topic, value, str(event["id"]).encode(), partition)
                sent.extend(events)
            self._producer.poll(0)

    def stop(self) -> None:
        """Return once all is sent."""
        self._told_to_stop.set()
        self.join()
        assert self._producer.flush(60) == 0


@contextmanager
def sending(pipeline: Stream) -> Iterator[None]:
    sender = Sender(pipeline)
    sender.start()
    try:
        yield
    finally:
        sender.stop()


class Chaos:
    """Random faults, one after another."""

    def __init__(self, seed: int, crew: list[WorkerProcess], broker: LocalKafka) -> None:
        self._draw = random.Random(seed)
        self._crew = crew
        self._broker = broker
        self._stopped: dict[WorkerProcess, float] = {}
        self.done: list[str] = []

    def one(self) -> None:
        """One fault; who has left is started again, who was frozen long enough wakes up."""
        self._supervise()
        faults = (self._kill, self._freeze, self._terminate, self._restart_broker)
        fault = self._draw.choices(faults, (5, 3, 3, 1))[0]
        awake = [worker for worker in self._crew if worker not in self._stopped]
        if awake:
            fault(self._draw.choice(awake))
        time.sleep(self._draw.uniform(0.2, 5.0))

    def end(self) -> None:
        """Wake all up."""
        for worker in list(self._stopped):
            self._wake(worker)

    def _supervise(self) -> None:
        for worker, until in list(self._stopped.items()):
            if time.monotonic() > until:
                self._wake(worker)
        self.start_again()

    def start_again(self) -> None:
        """What a supervisor does."""
        for worker in self._crew:
            code = worker.process.poll()
            if code is not None:
                assert code in (0, 1, -signal.SIGKILL, -signal.SIGTERM), f"exit code {code}"
                self.done.append(f"left with {code}")
                worker.start()

    def _kill(self, worker: WorkerProcess) -> None:
        self.done.append("kill")
        worker.kill()
        time.sleep(self._draw.choice([0.0, 0.0, 3.0, 8.0]))

    def _freeze(self, worker: WorkerProcess) -> None:
        self.done.append("freeze")
        if worker.process.poll() is None:
            worker.pause()
            self._stopped[worker] = time.monotonic() + self._draw.uniform(0.5, 14.0)

    def _wake(self, worker: WorkerProcess) -> None:
        del self._stopped[worker]
        worker.resume()

    def _terminate(self, worker: WorkerProcess) -> None:
        self.done.append("terminate")
        worker.process.terminate()

    def _restart_broker(self, _: WorkerProcess) -> None:
        self.done.append("broker")
        self._broker.stop()
        time.sleep(self._draw.uniform(0.0, 6.0))
        self._broker.start()


@pytest.mark.chaos
@pytest.mark.timeout(SECONDS * 2 + 400)
@pytest.mark.parametrize(
    ("learner", "names"), [(OURS, ("a", "b", "c")), (FOREST, (None, None, None))]
)
def test_nothing_is_lost_doubled_or_changed(
    tmp_path: Path, topic_name: str, learner: dict[str, object], names: tuple[str | None, ...]
) -> None:
    seed = int(os.environ.get("RIVERRUN_CHAOS_SEED", random.randrange(10**6)))
    print(f"RIVERRUN_CHAOS_SEED={seed}")
    with LocalKafka(tmp_path / "kafka", free_ports(None)[0]) as broker:
        pipeline = stream(broker.bootstrap, tmp_path, topic_name, learner, PARTITIONS)
        with workers(pipeline, *names) as crew:
            chaos = Chaos(seed, crew, broker)
            with sending(pipeline):
                deadline = time.monotonic() + SECONDS
                while time.monotonic() < deadline:
                    chaos.one()
            chaos.end()
            print(pipeline.count, "events;", ", ".join(chaos.done))
            wait_for_all(pipeline, chaos)
            assert_equal_to_bare_loop(pipeline, learner)
            alive = [worker for worker in crew if worker.process.poll() is None]
            assert {worker.stop() for worker in alive} <= {0, -signal.SIGTERM}


def wait_for_all(pipeline: Stream, chaos: Chaos) -> None:
    """Until each event has a prediction, with a supervisor at work."""
    deadline = time.monotonic() + 180
    while True:
        chaos.start_again()
        try:
            pipeline.predictions(5.0)
            return
        except AssertionError:
            if time.monotonic() > deadline:
                raise
