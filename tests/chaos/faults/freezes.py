"""Workers that are stopped longer than their session and their transaction live, and wake up."""

from __future__ import annotations

from tests.chaos.crew import Member
from tests.chaos.parts import part
from tests.chaos.scene import Running, Scene

PATIENT = {"worker.session_timeout": "6s", "worker.transaction_timeout": "60s"}
"""The group gives the partitions away long before the transaction ends."""
SHORT_SESSION = {"worker.session_timeout": "6s"}

COMMIT = {
    "before it begins": "before:Producer.begin_transaction:5",
    "before its offsets are sent": "before:Producer.send_offsets_to_transaction:5",
    "before it ends": "before:Producer.commit_transaction:5",
}
"""By words: where a worker stops in its fifth commit."""


def stopped_at(running: Running, fault: str) -> Member:
    """A worker that has stopped itself in the middle of a commit."""
    member = running.crew.start(None)
    running.crew.wait(member.has_partitions, "the partitions")
    member.supervised = False
    member.kill()
    member.start(f"stop:{fault}")
    running.crew.wait(lambda: state_of(member) == "T", f"the stop {fault}")
    return member


def state_of(member: Member) -> str:
    """The letter of /proc: T where it is stopped."""
    with open(f"/proc/{member.process.pid}/stat") as file:
        return file.read().rsplit(") ", 1)[1][0]


def overtaken(scene: Scene, words: str) -> None:
    """A worker stops in a commit, another takes over, the first wakes up and goes on."""
    with scene.running(scene.plain(), rate=100.0, settings=SHORT_SESSION) as running:
        crew = running.crew
        running.traffic.start()
        zombie = stopped_at(running, COMMIT[words])
        heir = crew.start(None)
        crew.wait(heir.has_partitions, "the take-over")
        crew.rest(2.0)
        zombie.resume()
        crew.rest(4.0)
        zombie.supervised = True
        crew.rest(4.0)
        running.verdict(f"SIGSTOP in a commit, {words}, past the session", 1, leaves=1)


@part()
def freezes(scene: Scene) -> None:
    """SIGSTOP in the middle of a commit, past both timeouts; another worker takes over."""
    for words in COMMIT if scene.scale else list(COMMIT)[:1]:
        overtaken(scene, words)


@part(short=False)
def late_commit(scene: Scene) -> None:
    """A commit whose worker was stopped before its end, and that ends while an heir restores."""
    times = scene.many(1, 5)
    for _ in range(times):
        ends_late(scene)


def ends_late(scene: Scene) -> None:
    """The offsets are sent, the partitions are lost, and the commit is still valid."""
    with scene.running(scene.plain(), rate=100.0, settings=PATIENT) as running:
        crew = running.crew
        running.traffic.start()
        zombie = stopped_at(running, COMMIT["before it ends"])
        heir = crew.start(None)
        crew.wait(heir.starts, "the start of the heir")
        # It gets the partitions when the session is over, and waits for the open offsets.
        crew.rest(10.0)
        assert not heir.has_partitions()
        zombie.resume()
        crew.wait(heir.has_partitions, "the take-over")
        crew.rest(3.0)
        assert not crew.left, f"somebody left: {dict(crew.left)}"
        zombie.supervised = True
        running.verdict("a commit that ends after its worker lost the partitions", 1, leaves=1)


@part(short=False)
def freezing(scene: Scene) -> None:
    """SIGSTOP at random moments, for up to twice the timeouts, of three workers."""
    case = scene.plain(partitions=4)
    with scene.running(case, rate=400.0, settings=SHORT_SESSION) as running:
        crew = running.crew
        members = [crew.start(name) for name in ("a", "b", None)]
        crew.wait(lambda: any(m.has_partitions() for m in members), "the partitions")
        running.traffic.start()
        crew.rest(2.0)
        times = scene.many(4, 20)
        for _ in range(times):
            member = scene.draw.choice(members)
            member.pause()
            crew.rest(scene.draw.choice((0.5, 3.0, 8.0, 14.0, 22.0)))
            member.resume()
            crew.rest(scene.draw.uniform(0.0, 3.0))
        crew.rest(10.0)
        running.verdict("SIGSTOP at random moments, of three workers", times, leaves=None)
