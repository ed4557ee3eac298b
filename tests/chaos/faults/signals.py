"""Workers that are told to stop, and told again before they have."""

from __future__ import annotations

import signal
import time

from tests.chaos.crew import stopped_well
from tests.chaos.parts import part
from tests.chaos.scene import Scene


@part()
def signals(scene: Scene) -> None:
    """SIGTERM twice, SIGINT after SIGTERM, under load and while starting."""
    times = scene.many(3, 30)
    with scene.running(scene.plain(), rate=200.0) as running:
        crew = running.crew
        running.traffic.start()
        member = crew.start("a")
        for number in range(times):
            member.supervised = False
            if number % 3 < 2:
                crew.wait(member.has_partitions, "the partitions")
            crew.rest(scene.draw.uniform(0.0, 1.0))
            first, second = scene.draw.sample((signal.SIGTERM, signal.SIGINT, signal.SIGTERM), 2)
            member.process.send_signal(first)
            time.sleep(scene.draw.choice((0.0, 0.01, 0.1)))
            member.process.send_signal(second)
            code = member.await_death(60)
            assert stopped_well(code) or code in (-signal.SIGINT, 1), f"exit code {code}"
            member.start()
        member.supervised = True
        crew.wait(member.has_partitions, "the partitions")
        running.verdict("SIGTERM and SIGINT twice", times)
