"""Three brokers with replication 3, of which one or two go, freeze or are replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.chaos.parts import part
from tests.chaos.scene import Running, Scene
from tests.kafka.three_brokers import Node, ThreeBrokers, three_brokers

OWN = ("__consumer_offsets", "__transaction_state")


@contextmanager
def on_three(scene: Scene, *, rich: bool = False) -> Iterator[tuple[Running, ThreeBrokers]]:
    """Two workers, or one of a rich pipeline, on three brokers."""
    with three_brokers(scene.folder / "brokers") as cluster:
        make = scene.rich if rich else scene.plain
        case = make(bootstrap=cluster.bootstrap, partitions=3, replication=3)
        with scene.running(case, rate=150.0) as running:
            crew = running.crew
            members = [crew.start(name) for name in ("a" if rich else "ab")]
            crew.wait(lambda: any(m.has_partitions() for m in members), "the partitions")
            running.traffic.start()
            crew.rest(3.0)
            yield running, cluster


def in_sync(running: Running, cluster: ThreeBrokers) -> None:
    """Until all three brokers have everything again: a second fault before would be two at once."""
    pipeline = running.case.stream.pipeline
    topics = [pipeline.events.topic, pipeline.predictions.topic, pipeline.state_topic, *OWN]
    cluster.wait_for(cluster.nodes)
    cluster.wait_until_in_sync(topics)


def one_after_another(
    scene: Scene,
    fault: str,
    times: int,
    strike: Callable[[Running, ThreeBrokers, Node], None],
    *,
    rich: bool = False,
) -> None:
    """The fault strikes one broker after another."""
    with on_three(scene, rich=rich) as (running, cluster):
        for number in range(times):
            strike(running, cluster, cluster.nodes[number % 3])
            running.crew.rest(2.0)
            in_sync(running, cluster)
        running.verdict(fault, times, leaves=None)


def _kill(running: Running, _: ThreeBrokers, node: Node) -> None:
    node.kill()
    running.crew.rest(running.scene.draw.uniform(2.0, 8.0))
    node.start()


def _roll(running: Running, _: ThreeBrokers, node: Node) -> None:
    node.stop()
    running.crew.rest(1.0)
    node.start()


def _freeze(running: Running, _: ThreeBrokers, node: Node) -> None:
    node.freeze()
    running.crew.rest(running.scene.draw.uniform(5.0, 15.0))
    node.thaw()


def _two_down(running: Running, cluster: ThreeBrokers, node: Node) -> None:
    """Nothing can be written meanwhile, for no two copies would be in step."""
    others = [other for other in cluster.nodes if other is not node]
    for other in others:
        other.kill()
    running.crew.rest(running.scene.draw.uniform(5.0, 20.0))
    for other in others:
        other.start()


def _stop_coordinator(running: Running, cluster: ThreeBrokers, node: Node) -> None:
    """A clean stop of the broker that coordinates the group, or a worker's transactions."""
    pipeline = running.case.stream.pipeline
    if node.number % 2:
        numbers = [cluster.coordinator(pipeline.group)]
    else:
        numbers = [cluster.transaction_coordinator(f"{pipeline.name}/{name}") for name in "ab"]
    for number in dict.fromkeys(numbers):
        found = cluster.nodes[number - 1]
        found.stop()
        running.crew.rest(2.0)
        found.start()
        in_sync(running, cluster)


@part()
def broker_killed(scene: Scene) -> None:
    """One of three brokers is killed, again and again."""
    fault = "kill -9 of one of three brokers"
    one_after_another(scene, fault, scene.many(1, 12), _kill)


@part(short=False)
def brokers_rolled(scene: Scene) -> None:
    """Brokers are restarted one after another, as for an upgrade; a rich pipeline."""
    fault = "brokers restarted one after another; late labels, two stages"
    one_after_another(scene, fault, scene.many(3, 9), _roll, rich=True)


@part(short=False)
def broker_frozen(scene: Scene) -> None:
    """One of three brokers is stopped by SIGSTOP, and goes on later."""
    one_after_another(scene, "SIGSTOP of one of three brokers", scene.many(2, 9), _freeze)


@part(short=False)
def brokers_down(scene: Scene) -> None:
    """Two of three brokers are killed, so that nothing can be written for a while."""
    one_after_another(scene, "two of three brokers killed", scene.many(1, 6), _two_down)


@part(short=False)
def coordinators(scene: Scene) -> None:
    """The coordinators of the group and of the transactions move to other brokers."""
    fault = "coordinator of the group or of the transactions moved"
    one_after_another(scene, fault, scene.many(3, 12), _stop_coordinator)
