"""Partitions that mix their models, on a real broker: workers are killed, the scores stay."""

from __future__ import annotations

import random
from pathlib import Path

from agents.shared.mark import Mark
from app.inspection import inspect
from app.kafka.reading import reading
from app.kafka.settings import KafkaSettings
from learners.mixing import coding
from learners.model import UNLABELLED
from tests.kafka.late import START, Sent, late, said, send_all, wait_for_all
from tests.kafka.running import Stream, wait_until, workers
from tests.kafka.support import read_committed
from tests.mixed_loop import Step, plain_loop

PARTITIONS, EVENTS = 4, 2_000
MORE = 'shared = "mix"\nmark = "200ms"\noptimizer = "ftrl"\nscale = true'


def history() -> list[tuple[int, int, dict[str, float], bool | None]]:
    """Time, id, features and label, or None for the event: labels come 300 ms later."""
    draw, found = random.Random(3), []
    for n in range(EVENTS):
        x = {"a": draw.gauss(0, 1), "b": draw.random()}
        found += [(n, n, x, None), (n + 300, n, x, x["a"] > x["b"])]
    return sorted(found, key=lambda each: (each[0], each[3] is None))


def stream(kafka: str, folder: Path, name: str) -> Stream:
    """All that is to be read, before anybody reads."""
    made = late(
        kafka, folder, name, "logistic_regression", MORE,
        partitions=PARTITIONS, events='features = ["a", "b"]',
    )  # fmt: skip
    sent: tuple[list[Sent], list[Sent]] = ([], [])
    for time, n, x, label in history():
        partition, key = n % PARTITIONS, f"card-{n % PARTITIONS}".encode()
        said = {"id": n, "card": partition, **x} if label is None else {"id": n, "y": label}
        sent[label is not None].append(Sent(time, said, partition, key))
    send_all(made, *sent)
    return made


def expected(made: Stream) -> dict[int, tuple[float | None, int]]:
    """Score and version of each event, by a plain loop."""
    steps = [
        Step(START + time, n % PARTITIONS, n, x, UNLABELLED if label is None else label)
        for time, n, x, label in history()
    ]
    return plain_loop(made.pipeline, PARTITIONS, steps)


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


def test_two_workers_that_are_killed_score_as_a_plain_loop_does(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    made = stream(kafka, tmp_path, f"mix-{topic_name[-8:]}")
    with workers(made, "one", "two", **{"worker.session_timeout": "6s"}) as both:
        wait_until(lambda: len(read_committed(kafka, made.pipeline.marks_topic)) > 8)
        for victim in both:
            victim.kill()
            victim.start()
        wait_for_all(made)
        for worker in both:
            worker.stop()
    scores = {each["id"]: (each["score"], each["model"]["version"]) for each in said(made).values()}
    assert len(scores) == EVENTS
    assert scores == expected(made)
    assert max(version for _, version in scores.values()) > EVENTS // 2  # of all partitions
    assert counted(made) > EVENTS // 2
    inspected(made)


def inspected(made: Stream) -> None:
    """`riverrun inspect` says of each partition what its last mark says."""
    found = marks(made)
    with reading(made.pipeline, KafkaSettings(made.bootstrap)) as reader:
        reports = {report.partition: report for report in inspect(made.pipeline, reader)}
    assert reports.keys() == set(range(PARTITIONS))
    for partition, report in reports.items():
        newest, count = report.newest_mark, max(n for k, n in found if k == partition) + 1
        mark = found[partition, count - 1]
        assert newest is not None
        assert (newest.published, newest.number, newest.learned) == (count, mark.mark, mark.total)
        assert (newest.seconds, newest.size) == (mark.mark * 0.2, len(mark.encode()))
        assert newest.problem is None
        assert report.problem is None
