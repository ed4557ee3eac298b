"""A Kafka of one broker that goes away, cleanly or not, and comes back."""

from __future__ import annotations

from app.local_kafka import LocalKafka
from app.local_kafka.broker import free_ports
from tests.chaos.parts import part
from tests.chaos.scene import Scene


@part(short=False)
def outages(scene: Scene) -> None:
    """The only broker is restarted while workers are killed and stopped."""
    times = scene.many(2, 12)
    with LocalKafka(scene.folder / "kafka", free_ports(None)[0]) as broker:
        case = scene.plain(bootstrap=broker.bootstrap, partitions=4)
        with scene.running(case, rate=200.0) as running:
            crew, draw = running.crew, scene.draw
            members = [crew.start(name) for name in ("a", "b", None)]
            crew.wait(lambda: any(m.has_partitions() for m in members), "the partitions")
            running.traffic.start()
            for _ in range(times):
                crew.rest(draw.uniform(2.0, 6.0))
                broker.stop()
                crew.rest(draw.choice((0.0, 2.0, 6.0, 20.0)))
                broker.start()
                if draw.random() < 0.5:
                    crew.kill(draw.choice(members))
            crew.rest(5.0)
            running.verdict("the only broker restarted, kill -9 meanwhile", times, leaves=None)
