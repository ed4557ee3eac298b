"""The one verdict that every part ends with.

1. nothing is left to be read; 2. the predictions are those of the reference, each once, in order;
3. dead letters and alerts are those of the reference; 4. so are the models and all that waits;
5. a reader of committed records that ran all the time saw just that, nothing twice, nothing that
was taken back; 6. the workers use the memory, threads and files that they used before, and stop.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaException, Message

from app.errors import RiverrunError
from app.inspection import inspect, read_states
from app.kafka.reading import Reader, reading
from app.pipeline.stages import stages
from tests.chaos.cases import Case
from tests.chaos.crew import Crew, stopped_well
from tests.chaos.gauges import assert_as_before
from tests.chaos.reference import Expected, Place, reference, source
from tests.chaos.watcher import At, Watcher
from topics.records import Outgoing

Seen = Mapping[At, tuple[Any, Any]]

PASSING = ("model", "position", "frozen")
"""Entries of a state that tell of offsets and topics, which differ between two pipelines."""


@dataclass(frozen=True)
class Measured:
    """What a part that passed had to do.

    Attributes:
        events: Records that were sent.
        learned: Of them.
        letters: Of them, as dead letters.
        gap: The longest time without a prediction in a partition, in seconds.
    """

    events: int
    learned: int
    letters: int
    gap: float


def verdict(
    case: Case,
    sent: Sequence[Message],
    watcher: Watcher,
    crew: Crew,
    *,
    leaves: int | None = 0,
    within: float = 300.0,
    more_rss: float = 60.0,
    all_read: bool = True,
) -> Measured:
    """Speak it.

    Args:
        case: The pipeline.
        sent: All that lies on its input topics.
        watcher: Ran all the time.
        crew: The workers.
        leaves: How often a worker may have left by itself; None for any number.
        within: Seconds until all must be done.
        more_rss: Megabytes that a worker may have taken more, for caches that fill once.
        all_read: Whether nothing may be left; False where the rest is refused.

    Raises:
        AssertionError: says what is wrong.
    """
    if all_read:
        crew.wait(lambda: not lag(case), "the end of the input", within)
    expected = reference(case.stream.pipeline, case.partitions, sent)
    there = watcher.stop()
    check_predictions(case, there, expected)
    check_letters(case, there, expected.letters)
    check_alerts(case, there, expected)
    check_states(case, expected)
    check_workers(crew, leaves, more_rss)
    learned, letters = expected.learned, len(expected.letters)
    return Measured(len(sent), learned, letters, watcher.longest_gap)


def lag(case: Case) -> int:
    """How many records of all inputs were not processed yet; 1 where Kafka does not say."""
    pipeline = case.stream.pipeline
    with suppress(KafkaException, RiverrunError), reading(pipeline, case.stream.kafka) as reader:
        topics = [topic for stage in stages(pipeline) for topic in stage.inputs]
        return sum(_left(reader, topic) for topic in topics)
    return 1


def _left(reader: Reader, topic: str) -> int:
    committed, ends = reader.committed(topic), reader.ends(topic)
    start = {partition: offset or 0 for partition, offset in committed.items()}
    far = sum(ends.values()) - sum(start.values())
    # Markers of transactions have offsets too: only reading tells what is left.
    return far if far > 1_000 else sum(1 for _ in reader.read(topic, start))


def check_predictions(case: Case, there: Seen, expected: Expected) -> None:
    """Each event has its prediction, once, with the reference's bytes, in the reference's order."""
    topic = case.stream.pipeline.predictions.topic
    lines: defaultdict[int, list[Place]] = defaultdict(list)
    found: dict[Place, tuple[Any, Any]] = {}
    for (name, partition, _), (key, value) in sorted(there.items(), key=lambda item: item[0]):
        if name == topic:
            place = source(value)
            assert place not in found, f"the event {place} has two predictions"
            found[place] = key, value
            lines[partition].append(place)
    missing = [place for place in expected.predictions if place not in found]
    assert not missing, f"{len(missing)} predictions are missing, the first of {missing[0]}"
    more = [place for place in found if place not in expected.predictions]
    assert not more, f"{len(more)} predictions are of no event, the first of {more[0]}"
    wrong = [place for place, said in expected.predictions.items() if found[place] != said]
    assert not wrong, (
        f"{len(wrong)} predictions differ, the first of {wrong[0]}:"
        f" {found[wrong[0]]}, not {expected.predictions[wrong[0]]}"
    )
    for partition, places in lines.items():
        _check_order(partition, places, expected)


def _check_order(partition: int, places: Sequence[Place], expected: Expected) -> None:
    """What one partition of the last stage says is in the order of the loop."""
    turn = {place: n for n, place in enumerate(expected.predictions)}
    last: dict[int, int] = {}
    for place in places:
        group = expected.group[place]
        assert turn[place] > last.get(group, -1), f"predictions[{partition}]: {place} is too late"
        last[group] = turn[place]


def check_letters(case: Case, there: Seen, letters: Sequence[Outgoing]) -> None:
    """Each record that cannot be used is one dead letter, as it came in."""
    topic = case.stream.pipeline.dead_letter_topic
    found = Counter(said for (name, _, _), said in there.items() if name == topic)
    expected = Counter((letter.key, letter.value) for letter in letters)
    assert found == expected, f"more {found - expected}, missing {expected - found}"


def check_alerts(case: Case, there: Seen, expected: Expected) -> None:
    """Each alert is there once."""
    topic = case.stream.pipeline.decisions.topic
    found = Counter(said for (name, _, _), said in there.items() if name == topic)
    alerts = Counter(expected.alerts)
    assert found == alerts, f"more {found - alerts}, missing {alerts - found}"


def check_states(case: Case, expected: Expected) -> None:
    """The models and all that waits are the reference's."""
    pipeline = case.stream.pipeline
    with reading(pipeline, case.stream.kafka) as reader:
        reports = inspect(pipeline, reader)
        found = [read_states(stage.state_topic, reader) for stage in stages(pipeline)]
    last = stages(pipeline)[-1].inputs[0]
    problems = [report.problem for report in reports if report.problem]
    assert not problems, problems
    models = {r.partition: r.fingerprint for r in reports if r.stage == last and r.fingerprint}
    assert models == expected.fingerprints
    for here, there in zip(found, expected.states, strict=True):
        for partition, entries in there.items():
            assert _lasting(here.get(partition, {})) == _lasting(entries), f"state[{partition}]"


def _lasting(entries: Mapping[str, bytes]) -> dict[str, bytes]:
    return {key: value for key, value in entries.items() if key not in PASSING}


def check_workers(crew: Crew, leaves: int | None, more_rss: float) -> None:
    """They left no more often than they may, use what they used before, and stop when told."""
    if crew.first is not None:
        for after in crew.gauges():
            assert_as_before(crew.first, after, more_rss)
    codes = crew.end()
    gone = sum(count for code, count in crew.left.items() if not stopped_well(code))
    assert leaves is None or gone <= leaves, f"workers left by themselves: {dict(crew.left)}"
    # Where it may leave, its last transaction may be the one that Kafka does not end.
    well = [stopped_well(code) or (leaves is None and code == 1) for code in codes]
    assert all(well), f"exit codes {codes}"
