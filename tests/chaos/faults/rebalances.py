"""Partitions that move: workers that come and go, with names and without."""

from __future__ import annotations

from functools import partial

from tests.chaos.crew import Crew, Member
from tests.chaos.parts import part
from tests.chaos.scene import Scene

SHORT_SESSION = {"worker.session_timeout": "6s"}


def spread(crew: Crew, members: list[Member]) -> None:
    """Wait until each has some partitions."""
    crew.wait(lambda: all(m.has_partitions() for m in members), "partitions for each")
    crew.rest(1.0)


def came_and_went(scene: Scene, names: tuple[str | None, ...], fault: str) -> None:
    """1 → 3 → 1, again and again, all with clean stops."""
    times = scene.many(1, 6)
    case = scene.plain(partitions=3)
    with scene.running(case, rate=300.0, settings=SHORT_SESSION) as running:
        crew = running.crew
        first = crew.start(names[0])
        crew.wait(first.has_partitions, "the partitions")
        running.traffic.start()
        for _ in range(times):
            others = [crew.start(name) for name in names[1:]]
            spread(crew, others)
            for other in others:
                assert crew.dismiss(other) == 0
            crew.rest(2.0)
        crew.wait(partial(first.has, "[0, 1, 2]"), "the way back to one")
        running.verdict(fault, times)


@part()
def rebalances(scene: Scene) -> None:
    """Workers 1 → 3 → 1, dynamic members of the group."""
    came_and_went(scene, (None, None, None), "rebalances 1 → 3 → 1, dynamic members")


@part(short=False)
def rebalances_static(scene: Scene) -> None:
    """Workers 1 → 3 → 1, static members of the group."""
    came_and_went(scene, ("a", "b", "c"), "rebalances 1 → 3 → 1, static members")


@part(short=False)
def there_and_back(scene: Scene) -> None:
    """Partitions go from A to B and back to A, which must forget what it knew."""
    times = scene.many(2, 10)
    with scene.running(scene.plain(), rate=200.0, settings=SHORT_SESSION) as running:
        crew = running.crew
        first = crew.start(None)
        crew.wait(first.has_partitions, "the partitions")
        running.traffic.start()
        for _ in range(times):
            first.pause()
            other = crew.start(None)
            crew.wait(partial(other.has, "[0, 1]"), "all for B")
            crew.rest(1.0)
            first.resume()
            crew.rest(1.0)
            assert crew.dismiss(other) == 0
            crew.rest(2.0)
        running.verdict("partitions from A to B to A", times, leaves=None)
