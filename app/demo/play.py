"""The play of the demo, from its history to the summary, with a new fraud and a kill on the way."""

from __future__ import annotations

import time
from collections.abc import Iterator

from app.demo import controls
from app.demo.cluster import DemoError
from app.demo.controls import Orders
from app.demo.desk import Desk
from app.demo.ending import is_done, learned
from app.demo.figures import Meter
from app.demo.ledger import Ledger
from app.demo.moment import Moment, Notes
from app.demo.screen import Count, Show
from app.demo.stopping import Stopping
from app.demo.story import StoryFile
from app.demo.stream import Reader, Sender
from app.demo.summary import Summary, summarize
from app.demo.workers import HOST, Workers
from app.demo.world import DELAY_DAYS, PATTERN_DAY, Truth, World, day_of
from app.fraud.transactions import DAY, EPOCH
from app.kafka.reading import reading
from app.kafka.settings import KafkaSettings
from app.local_kafka import LocalKafka
from app.pipeline.load import Pipeline

TICK_SECONDS = 0.25
TELL_SECONDS = 1.0
LATEST_KILL = 15.0
READY_WITHIN = 90.0
DRAIN_WITHIN = 30.0

STORY = (
    (PATTERN_DAY, "a new fraud begins: stolen cards are tried at night, then used"),
    (
        PATTERN_DAY + DELAY_DAYS,
        f"its first labels come, {DELAY_DAYS} days late, and the live model learns them",
    ),
)


class Play:
    """Workers, a sender and a reader around one ledger and one desk.

    Args:
        world: What is simulated.
        pipeline: Its topics are there.
        kafka: Reaches the cluster.
        workers: Not started yet.
        notes: Are told what happens.
        stopping: Knows whether the user wants to end.
        broker: The demo's own, if it has one.
        story: Told to the page.
        orders: Given there.
    """

    def __init__(
        self,
        world: World,
        pipeline: Pipeline,
        kafka: KafkaSettings,
        workers: Workers,
        notes: Notes,
        stopping: Stopping,
        broker: LocalKafka | None,
        story: StoryFile,
        orders: Orders,
    ) -> None:
        self._world, self._pipeline, self._kafka = world, pipeline, kafka
        self._learner = pipeline.learner.type.replace("_", " ")
        self._workers, self._notes, self._stopping = workers, notes, stopping
        self._broker, self._story_file, self._orders = broker, story, orders
        self._truth, self._ledger = Truth(), Ledger()
        self._desk = Desk(self._truth, world.budget, self._ledger.is_labelled)
        around = (self._truth, pipeline, kafka, self._ledger, self._desk)
        self._sender = Sender(world, *around)
        self._reader = Reader(pipeline, kafka, self._ledger, self._desk)
        self.page = f"http://{HOST}:{workers.processes[0].port}"
        self._tell_at = 0.0
        self._stories: list[Iterator[None]] = []

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

    def send_history(self, count: Count) -> None:
        """Send the history, while nobody reads: labels and payments then are merged by their times.

        Args:
            count: Is told how many payments are sent.

        Raises:
            Stopped: The user does not want to wait.
        """
        self._sender.start()
        while not self._sender.has_history.wait(0.05):
            self._stopping.check()
            self._check()
            count(self._ledger.sent)
        count(self._ledger.sent)

    def catch_up(self, count: Count) -> None:
        """Wait until the history is answered.

        Args:
            count: Is told how many payments are.
        """
        sent, days = self._ledger.sent, self._world.history
        self._story_file.tell(f"Catches up with {sent:,} payments of the last {days} days.")
        while self._ledger.answered < self._ledger.sent and not self._stopping.asked:
            self._check()
            count(self._ledger.answered)
            time.sleep(0.05)
        count(self._ledger.answered)

    def stream(self, show: Show) -> Summary:
        """Send, kill, wait for the last answers, stop the workers, read to the end.

        Args:
            show: Is given a moment four times a second.
        """
        seconds = self._world.seconds
        self._notes.start()
        self._meter = Meter(self._ledger, self._ledger.clock())
        kill = self._kill_once(min(seconds / 2 or LATEST_KILL, LATEST_KILL))
        self._stories = [self._story(), kill]
        self._sender.go_on()
        while not self._stopping.asked and not 0 < seconds <= self._notes.seconds:
            self._tick(show)
        self._sender.stop()
        self._drain(show)
        last = self._moment("stopping the workers")
        show(last)
        self._workers.stop()
        self._reader.to_end = True
        self._reader.stop()
        self._check()
        show(last._replace(state="done", seen=self._desk.seen()))
        return summarize(
            self._ledger,
            learner=self._learner,
            seconds=last.figures.seconds,
            learned=self._learned(),
            commits=self._workers.commits,
            seen=self._desk.seen(),
        )

    def close(self) -> None:
        """Stop what still runs, in whatever state it is."""
        self._sender.stop()
        self._workers.stop()
        self._reader.stop()

    def _tick(self, show: Show, state: str = "") -> None:
        time.sleep(TICK_SECONDS)
        self._check()
        for order in self._orders.new():
            self._follow(order)
        for story in self._stories:
            next(story, None)
        moment = self._moment(state)
        show(moment)
        if time.monotonic() >= self._tell_at:
            self._story_file.moment(moment, self._ledger.totals(), self._offered(state))
            self._tell_at = time.monotonic() + TELL_SECONDS

    def _follow(self, order: str) -> None:
        """Do what a visitor of the page asked for, if it is still offered."""
        if order == controls.FRAUD:
            self._sender.waves.ask()
            self._notes.add("a new wave of fraud was asked for: it begins at midnight")
            self._stories.append(self._wave(len(self._sender.waves.days)))
        elif order == controls.KILL and self._can_kill():
            self._stories.append(self._kill())
        elif order == controls.HOLD and not self._sender.holding.is_on:
            self._sender.holding.is_on = True
            self._stories.append(self._held())
        elif order == controls.RELEASE:
            self._sender.holding.is_on = False

    def _offered(self, state: str) -> list[dict[str, object]]:
        """The buttons of the page; none once the stream is at its end."""
        if state:
            return []
        return controls.offered(is_held=self._sender.holding.is_on, can_kill=self._can_kill())

    def _can_kill(self) -> bool:
        """Whether the worker is back from the last time."""
        kill = self._ledger.kill
        return kill is None or kill.caught_up is not None

    def _wave(self, number: int) -> Iterator[None]:
        """The story of a further wave of fraud, the one of this number."""
        days = self._sender.waves.days
        while len(days) <= number:
            yield
        for day, what in (
            (days[number], "another wave of fraud begins"),
            (days[number] + DELAY_DAYS, "the labels of that wave come"),
        ):
            while self._now() < EPOCH + day * DAY:
                yield
            self._notes.add(what, mark=what)

    def _held(self) -> Iterator[None]:
        self._notes.add("labels are held back", bad=True, mark="labels held back")
        while self._sender.holding.is_on:
            yield
        self._notes.add("the labels that were held back come", mark="labels come again")

    def _drain(self, show: Show) -> None:
        """Wait for what is still on its way, unless nothing moves any more or the user is tired."""
        answered, since = -1, time.monotonic()
        with reading(self._pipeline, self._kafka) as reader:
            while self._stopping.asked < 2:
                if self._ledger.answered > answered:
                    answered, since = self._ledger.answered, time.monotonic()
                elif time.monotonic() - since > DRAIN_WITHIN:
                    break
                if not self._ledger.totals().missing and is_done(self._pipeline, reader):
                    break
                self._tick(show, "waiting for the last answers, Ctrl-C leaves at once")

    def _learned(self) -> int | None:
        if self._stopping.asked > 1:
            return None
        with reading(self._pipeline, self._kafka) as reader:
            return learned(self._pipeline, reader)

    def _story(self) -> Iterator[None]:
        """What the simulation does, as its days pass."""
        for day, what in STORY:
            when = day_of(day)
            if day < self._world.history:
                self._notes.add(f"in the history, on {when:%m-%d}: {what}")
            while self._now() < EPOCH + day * DAY:
                yield
            if day >= self._world.history:
                self._notes.add(what)

    def _kill_once(self, at: float) -> Iterator[None]:
        """The story of the kill: goes on a little with each tick."""
        while self._notes.seconds < at or self._stopping.asked or not self._can_kill():
            yield
        yield from self._kill()

    def _kill(self) -> Iterator[None]:
        pid = self._workers.processes[0].pid
        killed_at = self._workers.kill(0)
        self._ledger.begin_kill(killed_at)
        kill = self._ledger.kill
        assert kill is not None
        text = f"worker 1 killed with -9 (process {pid}), started again"
        self._notes.add(text, bad=True, mark="worker 1 killed")
        while kill.back is None:
            yield
        back = f"back after {kill.back - kill.at:.1f} s"
        self._notes.add(f"{back}: every partition predicts again", mark=back)
        while kill.caught_up is None:
            yield
        caught_up = f"caught up after {kill.caught_up - kill.at:.1f} s"
        self._notes.add(f"{caught_up} with all that had waited", mark=caught_up)

    def _check(self) -> None:
        for part in (self._sender, self._reader):
            if part.error is not None:
                raise DemoError(f"{part.name} failed: {part.error}") from part.error
        if self._workers.failure is not None:
            raise self._workers.failure
        if self._broker is not None and not self._broker.is_running():
            raise DemoError("the demo's Kafka has ended")

    def _now(self) -> int:
        """The time of the latest payment, in seconds since 1970."""
        return self._truth.times[self._ledger.sent - 1] if self._ledger.sent else EPOCH

    def _moment(self, state: str = "") -> Moment:
        return Moment(
            self._learner,
            self._now(),
            self._meter.look(self._workers.commits),
            self._meter.history,
            self._desk.seen(),
            self._world.budget,
            self._notes.all,
            self._world.seconds,
            state,
            (self.page,),
        )
