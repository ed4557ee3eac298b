"""Code of the user's that fails: a learner that raises, a function that hangs."""

from __future__ import annotations

from functools import partial

from tests.chaos.functions import HANG
from tests.chaos.parts import part
from tests.chaos.scene import Scene

BALKY = """\
[learner]
type = "tests.chaos.learners:Balky"
"""


@part(short=False)
def learner_raises(scene: Scene) -> None:
    """A learner that raises while it learns, and is killed."""
    kills = scene.many(2, 8)
    with scene.running(scene.plain(learner=BALKY), rate=60.0) as running:
        crew = running.crew
        member = crew.start("a")
        crew.wait(member.has_partitions, "the partitions")
        running.traffic.start()
        for _ in range(kills):
            crew.rest(scene.draw.uniform(2.0, 5.0))
            crew.kill(member)
        crew.rest(4.0)
        measured = running.verdict("a learner that raises while it learns, kill -9", kills)
        assert measured.letters > 0


@part(short=False)
def function_hangs(scene: Scene) -> None:
    """A feature function that does not come back, until the worker is started again."""
    times = scene.many(1, 6)
    file = scene.folder / "hang"
    case = scene.plain(head='functions = ["tests.chaos.functions:sleepy"]')
    settings = {"worker.processing_timeout": "3s"}
    with scene.running(case, 100.0, settings=settings, environ={HANG: str(file)}) as running:
        crew = running.crew
        member = crew.start("a")
        crew.wait(member.has_partitions, "the partitions")
        running.traffic.start()
        for number in range(times):
            crew.rest(3.0)
            file.touch()
            crew.wait(partial(crew.has_left, number + 1), "the end of the worker")
            file.unlink()
            crew.wait(member.has_partitions, "the partitions")
        crew.rest(3.0)
        running.verdict("a feature function that hangs", times, leaves=None)
