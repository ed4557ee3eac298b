"""What does not come back is ended in time, whatever the clocks do meanwhile."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

from confluent_kafka import Message

from app.worker.watchdog import TICK_SECONDS, Watchdog, records_of
from tests.app.support import batch


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Scene:
    """A watchdog that keeps what it would end the process with."""

    def __init__(self) -> None:
        self.clock, self.said = Clock(), list[str]()
        self.watchdog = Watchdog(self.said.append, self.clock)

    def run(self, seconds: float) -> None:
        """Let time pass in a process that runs."""
        for _ in range(round(seconds / TICK_SECONDS)):
            self.clock.now += TICK_SECONDS
            self.watchdog.check()


def test_what_takes_too_long_ends_the_process_and_is_named() -> None:
    scene = Scene()
    with scene.watchdog.watch("processing", 10, lambda: records_of(batch(3, 40, 5))):
        scene.run(10)
        assert scene.said == []
        scene.run(1)
        assert scene.said[0].startswith("processing cards[3]@40..44: has not ended after 10 s")


def test_what_ends_in_time_may_be_done_again_and_again() -> None:
    scene = Scene()
    for _ in range(10):
        with scene.watchdog.watch("fetch", 10):
            scene.run(9)
    scene.run(100)
    assert scene.said == []


def test_what_is_paused_takes_no_time() -> None:
    scene = Scene()
    with scene.watchdog.watch("fetch", 10):
        scene.run(9)
        with scene.watchdog.paused("fetch"):
            scene.run(100)
        scene.run(1)
        assert scene.said == []
        scene.run(1)
        assert scene.said
    with scene.watchdog.paused("fetch"):
        scene.run(100)
    assert len(scene.said) < 4


def test_a_process_that_was_frozen_is_given_the_rest_of_its_time() -> None:
    scene = Scene()
    with scene.watchdog.watch("fetch", 10):
        scene.clock.now += 3600
        scene.watchdog.check()
        scene.run(8)
        assert scene.said == []
        scene.run(2)
        assert scene.said


def test_records_of_several_topics_are_named_by_topic() -> None:
    events = batch(0, 5, 2)
    label = Message(topic="labels", partition=0, offset=9, timestamp=(1, 1_000))
    both = replace(events, records=[*events.records, label])
    assert records_of(both) == "cards[0]@5..6, labels[0]@9..9"


HANGS = """
from app.worker.watchdog import Watchdog
watchdog = Watchdog()
watchdog.start()
with watchdog.watch("processing", 0.1, lambda: "events[0]@1..2"):
    while True:
        pass
"""


def test_a_loop_that_never_ends_is_ended() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert "processing events[0]@1..2: has not ended after 0.1 s" in ended.stderr
