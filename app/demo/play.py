"""The stream of the demo, from the first event to the summary, with a kill in the middle."""

from __future__ import annotations

import time
from collections.abc import Iterator

from app.demo.cluster import DemoError
from app.demo.figures import Meter
from app.demo.ledger import Ledger
from app.demo.screen import Show
from app.demo.stopping import Stopping
from app.demo.stream import Reader, Sender
from app.demo.summary import Summary, summarize
from app.demo.view import Moment, Notes
from app.demo.workers import HOST, Workers
from app.kafka.settings import KafkaSettings
from app.local_kafka import LocalKafka
from app.pipeline.load import Pipeline
from app.replay.sources import open_source

TICK_SECONDS = 0.25
LATEST_KILL = 15.0
READY_WITHIN = 90.0
DRAIN_WITHIN = 30.0


class Play:
    """Workers, a sender and a reader around one ledger.

    Args:
        source: The data set.
        pipeline: Its topics are there.
        kafka: Reaches the cluster.
        workers: Not started yet.
        notes: Are told what happens.
        stopping: Knows whether the user wants to end.
        broker: The demo's own, if it has one.
    """

    def __init__(
        self,
        source: str,
        pipeline: Pipeline,
        kafka: KafkaSettings,
        workers: Workers,
        notes: Notes,
        stopping: Stopping,
        broker: LocalKafka | None,
    ) -> None:
        self._source, self._learner = source, pipeline.learner.type.replace("_", " ")
        self._workers, self._notes, self._stopping = workers, notes, stopping
        self._broker = broker
        self._ledger = Ledger()
        data = open_source(source, pipeline.events.id, pipeline.events.label)
        self._sender = Sender(pipeline, data, kafka, self._ledger)
        self._reader = Reader(pipeline, kafka, self._ledger)
        health = f"http://{HOST}:{workers.processes[0].port}/health"
        self._links = (f"worker {health}", f"Kafka {kafka.bootstrap_servers}")
        self._story: Iterator[None] = iter(())

    def start(self) -> None:
        """Start the workers, and wait until they are ready.

        Raises:
            Stopped: The user does not want to wait.
            DemoError, WorkerFailed: They do not get ready.
        """
        self._reader.start()
        self._workers.start()
        deadline = time.monotonic() + READY_WITHIN
        while self._workers.ready < len(self._workers.processes):
            self._stopping.check()
            self._check()
            if time.monotonic() > deadline:
                said = self._workers.processes[0].last_words()
                raise DemoError(f"the workers are not ready after {READY_WITHIN:.0f} s: {said}")
            time.sleep(0.05)

    def stream(self, seconds: float, rate: float, show: Show) -> Summary:
        """Send, kill, wait for the last answers, stop the workers, read to the end.

        Args:
            seconds: How long events are sent; 0: until the user ends it.
            rate: Events a second.
            show: Is given a moment four times a second.
        """
        self._notes.start()
        self._meter = Meter(self._ledger, self._ledger.clock())
        self._story = self._kill_once(min(seconds / 2 or LATEST_KILL, LATEST_KILL))
        self._sender.begin(rate)
        while not self._stopping.asked and not 0 < seconds <= self._notes.seconds:
            self._tick(show, seconds)
        self._sender.stop()
        self._drain(show, seconds)
        last = self._moment(seconds, "stopping the workers")
        show(last)
        self._workers.stop()
        self._reader.to_end = True
        self._reader.stop()
        self._check()
        show(last._replace(state="done"))
        return summarize(
            self._ledger,
            source=self._source,
            learner=self._learner,
            seconds=last.figures.seconds,
            passes=self._sender.passes,
            commits=self._workers.commits,
        )

    def close(self) -> None:
        """Stop what still runs, in whatever state it is."""
        self._sender.stop()
        self._workers.stop()
        self._reader.stop()

    def _tick(self, show: Show, seconds: float, state: str = "") -> None:
        time.sleep(TICK_SECONDS)
        self._check()
        next(self._story, None)
        show(self._moment(seconds, state))

    def _drain(self, show: Show, seconds: float) -> None:
        """Wait for the answers that lack, unless none comes any more or the user is tired."""
        answered, since = -1, time.monotonic()
        while self._ledger.totals().missing and self._stopping.asked < 2:
            if self._ledger.answered > answered:
                answered, since = self._ledger.answered, time.monotonic()
            elif time.monotonic() - since > DRAIN_WITHIN:
                break
            self._tick(show, seconds, "waiting for the last answers, Ctrl-C leaves at once")
        next(self._story, None)

    def _kill_once(self, at: float) -> Iterator[None]:
        """The story of the kill: goes on a little with each tick."""
        while self._notes.seconds < at or self._stopping.asked:
            yield
        pid = self._workers.processes[0].pid
        killed_at = self._workers.kill(0)
        self._ledger.begin_kill(killed_at)
        kill = self._ledger.kill
        assert kill is not None
        self._notes.add(f"worker 1 killed with -9 (process {pid}), started again", bad=True)
        while kill.back is None:
            yield
        self._notes.add(f"back after {kill.back - kill.at:.1f} s: every partition predicts again")
        while kill.caught_up is None:
            yield
        waited = kill.caught_up - kill.at
        self._notes.add(f"caught up after {waited:.1f} s with all that had waited")

    def _check(self) -> None:
        for part in (self._sender, self._reader):
            if part.error is not None:
                raise DemoError(f"{part.name} failed: {part.error}") from part.error
        if self._workers.failure is not None:
            raise self._workers.failure
        if self._broker is not None and not self._broker.is_running():
            raise DemoError("the demo's Kafka has ended")

    def _moment(self, seconds: float, state: str) -> Moment:
        return Moment(
            self._source,
            self._learner,
            self._meter.look(self._workers.commits, self._sender.passes),
            self._meter.history,
            self._notes.all,
            seconds,
            state,
            self._links,
        )
