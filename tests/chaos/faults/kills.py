"""Workers that are killed: at each step of a commit and of a restore, and in storms."""

from __future__ import annotations

from tests.chaos.crew import Crew, Member
from tests.chaos.parts import part
from tests.chaos.scene import Running, Scene

COMMIT = (
    "Producer.begin_transaction",
    "Producer.produce",
    "Producer.flush",
    "Producer.send_offsets_to_transaction",
    "Producer.commit_transaction",
    "app.worker.tasks:Task.take",
    "app.worker.processor:Processor.process",
)
RESTORE = (
    "Producer.init_transactions",
    "Consumer.committed",
    "AdminClient.list_offsets",
    "Consumer.assign",
    "Consumer.consume",
    "app.worker.task_builder:TaskBuilder.open",
)
ONCE = ("Producer.init_transactions", "app.worker.task_builder:TaskBuilder.open")
WHENS = ("before", "after", "during")


def points(scene: Scene, rounds: int) -> list[str]:
    """Faults of `sabotage`, all of them in each round, in any order."""
    found = []
    for _ in range(rounds):
        chosen = [(call, when) for call in (*COMMIT, *RESTORE) for when in WHENS]
        scene.draw.shuffle(chosen)
        found += [point(scene, call, when) for call, when in chosen]
    return found


def point(scene: Scene, call: str, when: str, how: str = "kill") -> str:
    """A fault at one of the first calls."""
    most = 1 if call in ONCE else 2 if call in RESTORE else 6
    word = f"{how}:{when}:{call}:{scene.draw.randint(1, most)}"
    return f"{word}:{scene.draw.choice((0, 1, 2, 5, 20))}" if when == "during" else word


def struck(crew: Crew, member: Member, fault: str) -> None:
    """Start a member with a fault, and wait until it is dead of it."""
    member.supervised = False
    member.kill()
    member.start(fault)
    crew.wait(lambda: not member.alive, f"the death by {fault}")
    assert member.process.returncode == -9, f"{fault}: exit code {member.process.returncode}"


def through(running: Running, faults: list[str]) -> None:
    """One worker, killed by each of the faults."""
    crew = running.crew
    member = crew.start("a")
    crew.wait(member.has_partitions, "the partitions")
    running.traffic.start()
    for fault in faults:
        struck(crew, member, fault)
    member.start()
    member.supervised = True
    crew.wait(member.has_partitions, "the partitions")
    crew.rest(6.0)


@part()
def kills(scene: Scene) -> None:
    """kill -9 before, after and within each call of a commit and of a restore."""
    faults = points(scene, scene.many(1, 4))
    faults = faults if scene.scale else faults[:5]
    with scene.running(scene.plain(), rate=100.0) as running:
        through(running, faults)
        running.verdict("kill -9 at a named point of commit or restore", len(faults))


@part()
def kills_rich(scene: Scene) -> None:
    """The same with late labels, two stages, alerts and metrics."""
    faults = points(scene, scene.many(1, 4))
    faults = faults if scene.scale else faults[:3]
    with scene.running(scene.rich(), rate=100.0) as running:
        through(running, faults)
        running.verdict("kill -9 at a named point; late labels, two stages", len(faults))


@part()
def storm(scene: Scene) -> None:
    """kill -9 at random moments, of three workers, often two at once."""
    strikes = scene.many(5, 60)
    with scene.running(scene.plain(partitions=4), rate=400.0) as running:
        crew = running.crew
        members = [crew.start(name) for name in "abc"]
        crew.wait(lambda: any(m.has_partitions() for m in members), "the partitions")
        running.traffic.start()
        crew.rest(2.0)
        kills = 0
        for _ in range(strikes):
            victims = scene.draw.sample(members, scene.draw.choice((1, 1, 2, 3)))
            for member in victims:
                crew.kill(member)
            kills += len(victims)
            crew.rest(scene.draw.uniform(0.0, 4.0))
        crew.rest(6.0)
        running.verdict("kill -9 at random moments, of three workers", kills)
