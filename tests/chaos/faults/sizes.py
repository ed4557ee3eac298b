"""Much of everything: partitions, events that wait, time."""

from __future__ import annotations

from functools import partial
from statistics import median

from tests.chaos.crew import Member
from tests.chaos.parts import part
from tests.chaos.scene import Running, Scene

SHORT_SESSION = {"worker.session_timeout": "6s"}


@part(short=False)
def many_partitions(scene: Scene) -> None:
    """64 partitions on three workers that are killed."""
    kills = scene.many(2, 12)
    case = scene.plain(partitions=64)
    with scene.running(case, rate=1_000.0, settings=SHORT_SESSION) as running:
        crew = running.crew
        members = [crew.start(name) for name in "abc"]
        crew.wait(lambda: all(m.has_partitions() for m in members), "the partitions")
        running.traffic.start()
        for _ in range(kills):
            crew.rest(scene.draw.uniform(1.0, 5.0))
            crew.kill(scene.draw.choice(members))
        crew.rest(5.0)
        running.verdict("64 partitions, kill -9 of three workers", kills)


@part(short=False)
def waiting(scene: Scene) -> None:
    """A million events that wait for their labels, on a worker that is killed."""
    count, kills = scene.many(20_000, 1_000_000), scene.many(1, 4)
    case = scene.plain(waiting=True, poison=0.0)
    with scene.running(case, rate=0.0) as running:
        crew = running.crew
        running.traffic.send(count)
        running.traffic.stop()
        member = crew.start("a")
        for number in range(kills):
            share = (number + 1) * count // (kills + 1)
            crew.wait(partial(running.watcher.has, share), "a share of the events", 900)
            crew.kill(member)
        fault = "events that all wait for their labels, kill -9"
        running.verdict(fault, kills, within=1800.0, more_rss=count * 1e-3 + 200)


HEAVY = """\
[learner]
type = "tests.chaos.learners:Heavy"
megabytes = {megabytes}
"""


@part(short=False)
def models(scene: Scene) -> None:
    """Models of 1, 10 and 100 MB on a worker that is killed."""
    for megabytes in (1, 10, 100) if scene.scale else (1, 10):
        kills = scene.many(2, 5)
        case = scene.plain(learner=HEAVY.format(megabytes=megabytes), partitions=1)
        with scene.running(case, rate=50.0) as running:
            crew = running.crew
            member = crew.start("a")
            crew.wait(member.has_partitions, "the partitions")
            running.traffic.start()
            for _ in range(kills):
                crew.rest(scene.draw.uniform(3.0, 8.0))
                crew.kill(member)
                crew.wait(member.has_partitions, "the partitions")
            crew.rest(5.0)
            fault = f"a model of {megabytes} MB, kill -9"
            running.verdict(fault, kills, more_rss=100.0 + 8 * megabytes)


def turbulence(running: Running, others: list[Member]) -> None:
    """A random fault of any worker but the steady one."""
    crew, draw = running.crew, running.scene.draw
    what = draw.choice(("kill", "freeze", "come", "go", "terminate"))
    if what == "come" and len(others) < 3:
        others.append(crew.start(None))
    elif what == "go" and others:
        crew.dismiss(others.pop(draw.randrange(len(others))))
    elif others:
        victim = draw.choice(others)
        if what == "kill":
            crew.kill(victim)
        elif what == "freeze":
            victim.pause()
            crew.rest(draw.choice((2.0, 9.0)))
            victim.resume()
        else:
            victim.process.terminate()


@part(short=False)
def soak(scene: Scene) -> None:
    """30 minutes of kills and rebalances around one steady worker, whose memory stays flat."""
    seconds = scene.many(60, 1_800)
    case = scene.plain(partitions=4)
    with scene.running(case, rate=200.0, settings=SHORT_SESSION) as running:
        crew, times = running.crew, 0
        steady = crew.start("steady")
        crew.wait(steady.has_partitions, "the partitions")
        running.traffic.start()
        began, others = crew.now(), list[Member]()
        while crew.now() - began < seconds:
            turbulence(running, others)
            times += 1
            crew.rest(scene.draw.uniform(1.0, 8.0))
        flat = crew.samples[steady.process.pid]
        running.verdict(f"{seconds / 60:.0f} minutes of kills and rebalances", times, leaves=None)
        assert_flat(flat)


def assert_flat(samples: list[tuple[float, float]]) -> None:
    """The memory of the last third is that of the second, but for 5 % and 10 MB."""
    third = len(samples) // 3
    second, last = (
        median(rss for _, rss in part)
        for part in (samples[third : 2 * third], samples[2 * third :])
    )
    print(f"  memory {second:.0f} MB, then {last:.0f} MB")
    assert last <= second * 1.05 + 10, f"{second:.0f} MB, then {last:.0f} MB"
