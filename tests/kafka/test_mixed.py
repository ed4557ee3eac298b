"""Partitions that mix their models, on a real broker: workers are killed, the scores stay."""

from __future__ import annotations

import random
from pathlib import Path

from agents.shared.mark import Mark
from learners.mixing import coding
from tests.kafka.late import Sent, late, said, send_all, wait_for_all
from tests.kafka.running import Stream, wait_until, workers
from tests.kafka.support import read_committed

PARTITIONS, EVENTS = 4, 2_000
MORE = 'shared = "mix"\nmark = "200ms"\noptimizer = "ftrl"\nscale = true'


def history() -> tuple[list[Sent], list[Sent]]:
    """Events a millisecond apart, and their labels 300 ms later."""
    draw, events, labels = random.Random(3), [], []
    for n in range(EVENTS):
        x = {"a": draw.gauss(0, 1), "b": draw.random()}
        partition, key = n % PARTITIONS, f"card-{n % PARTITIONS}".encode()
        events.append(Sent(n, {"id": n, "card": n % PARTITIONS, **x}, partition, key))
        labels.append(Sent(n + 300, {"id": n, "y": x["a"] > x["b"]}, partition, key))
    return events, labels


def stream(kafka: str, folder: Path, name: str) -> Stream:
    """All that is to be read, before anybody reads."""
    made = late(
        kafka, folder, name, "logistic_regression", MORE,
        partitions=PARTITIONS, events='features = ["a", "b"]',
    )  # fmt: skip
    send_all(made, *history())
    return made


def scores(made: Stream) -> dict[tuple[int, int], tuple[float, int]]:
    """Score and version by partition and offset."""
    return {at: (each["score"], each["model"]["version"]) for at, each in said(made).items()}


def marks(made: Stream) -> dict[tuple[int, int], Mark]:
    """All that the partitions have said, by partition and number; fails where one came twice."""
    records = read_committed(made.bootstrap, made.pipeline.marks_topic)
    said = [(record.partition() or 0, Mark.decode(record.value() or b"")) for record in records]
    found = {(partition, mark.number): mark for partition, mark in said}
    assert len(found) == len(said), "a mark came twice"
    return found


def counted(made: Stream) -> int:
    """Labels in all changes; as many as the partitions say that they have learned."""
    found = marks(made)
    lasts = [max(n for k, n in found if k == partition) for partition in range(PARTITIONS)]
    changes = [coding.decode(mark.change).count for mark in found.values() if mark.change]
    assert sum(changes) == sum(found[k, n].total for k, n in enumerate(lasts))
    return sum(changes)


def test_one_worker_and_two_that_are_killed_score_alike(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    alone, killed = (stream(kafka, tmp_path, f"mix-{n}-{topic_name[-8:]}") for n in (1, 2))
    with workers(alone, "one") as (one,):
        wait_for_all(alone)
        one.stop()
    with workers(killed, "one", "two", **{"worker.session_timeout": "6s"}) as both:
        wait_until(lambda: len(read_committed(kafka, killed.pipeline.marks_topic)) > 8)
        for victim in both:
            victim.kill()
            victim.start()
        wait_for_all(killed)
        for worker in both:
            worker.stop()
    expected = scores(alone)
    assert len(expected) == EVENTS
    assert scores(killed) == expected
    assert max(version for _, version in expected.values()) > EVENTS // 2  # of all partitions
    assert counted(alone) > EVENTS // 2
    assert counted(killed) > EVENTS // 2
