"""Events that are keyed anew on their way: each scored once, with the features of its entities."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from time import sleep
from typing import Any, NamedTuple

import numpy as np
import pytest

from app.fraud.features import DELAY, features
from app.fraud.features import NAMES as COLUMNS
from app.fraud.transactions import DAY, Transactions
from app.kafka.reading import reading
from app.pipeline.stages import stages
from app.worker.state.layout import POSITION
from tests.kafka.late import (
    Sent,
    consumed,
    dead_letters,
    late,
    said,
    send,
    send_all,
    state,
    wait_for_all,
)
from tests.kafka.running import Stream, wait_until, workers
from tests.kafka.support import read_committed

COUNT = 900
DAYS = 20
CARDS = 12
TERMINALS = 6

NAMES = {
    **{f"card_count_{d}d": f"card_count_{d}d" for d in (1, 7)},
    **{f"card_mean_{d}d": f"card_mean_amount_{d}d" for d in (1, 7)},
    **{f"terminal_count_{d}d": f"terminal_count_{d}d" for d in (1, 7)},
    **{f"terminal_risk_{d}d": f"terminal_mean_y_{d}d" for d in (1, 7)},
}
"""The features of the whole history, and what they are called on Kafka."""

TABLES = """\
scale = true
[[entities]]
field = "card"
features = ["count", "mean(amount)"]
windows = ["1d", "7d"]
[[entities]]
field = "terminal"
source = "labels"
delay = "7d"
features = ["count", "mean(y)"]
windows = ["1d", "7d"]
[decisions]
topic = "NAME.alerts.v1"
threshold = -1.0
"""

EVENTS = f"""\
features = ["amount", "speed", {", ".join(f'"{name}"' for name in NAMES.values())}]
functions = ["tests.kafka.test_stages_exactly_once:fussy"]
"""


def fussy(event: dict[str, Any]) -> dict[str, float]:
    """A feature function that takes its time, and fails for some events."""
    sleep(0.002)
    if event.get("bad"):
        raise ValueError("so bad")
    return {}


def history(seed: int = 5) -> Transactions:
    """Payments of a few cards at a few terminals; the times begin with a day."""
    draw = np.random.default_rng(seed)
    frauds = draw.random(COUNT) < 0.3
    return Transactions(
        id=np.arange(COUNT),
        time=np.sort(draw.integers(0, DAYS * DAY, COUNT)),
        card=draw.integers(0, CARDS, COUNT),
        terminal=draw.integers(0, TERMINALS, COUNT),
        amount=np.round(draw.random(COUNT) * 100, 2),
        fraud=frauds,
        scenario=np.zeros(COUNT, dtype=np.int64),
    )


def records(data: Transactions, partitions: int = 1) -> tuple[list[Sent], list[Sent]]:
    """Events and labels, both on the partition of their card."""
    events, labels = [], []
    for id_, time, card, terminal, amount, fraud, _ in data.rows():
        where, key = card % partitions, f"card-{card}".encode()
        event = {"id": id_, "card": card, "terminal": terminal, "amount": amount, "speed": 1.0}
        events.append(Sent(time * 1000, event, where, key))
        labels.append(Sent((time + DELAY) * 1000, {"id": id_, "y": fraud}, where, key))
    return events, labels


def expected(data: Transactions) -> list[dict[str, float]]:
    """The features by a look at the whole history."""
    matrix = features(data, "daily")
    where = {NAMES[name]: i for i, name in enumerate(COLUMNS) if name in NAMES}
    return [{name: row[i] for name, i in where.items()} for row in matrix]


def seen(stream: Stream) -> dict[Any, dict[str, Any]]:
    """The events as they were scored, by id."""
    assert stream.pipeline.decisions.topic is not None
    alerts = read_committed(stream.bootstrap, stream.pipeline.decisions.topic)
    events = [json.loads(alert.value() or b"")["event"] for alert in alerts]
    found = {event["id"]: event for event in events}
    assert len(found) == len(events), "an alert came twice"
    return found


METRICS = """\
[metrics]
topic = "NAME.metrics.v1"
entity = "card"
"""


def made(
    kafka: str,
    folder: Path,
    name: str,
    partitions: int = 1,
    more: str = "",
    expire: str = "8d",
) -> Stream:
    return late(
        *(kafka, folder, name, "logistic_regression", TABLES + more),
        partitions=partitions,
        events=EVENTS,
        labels=f'expire = "{expire}"',
    )


BROKEN = {
    "no terminal": {"card": 99, "amount": 1.0, "speed": 1.0},
    "no amount": {"card": 99, "terminal": 99, "speed": 1.0},
    "no speed": {"card": 99, "terminal": 99, "amount": 1.0},
    "bad": {"card": 99, "terminal": 99, "amount": 1.0, "speed": 1.0, "bad": True},
}
"""Events that fail: on their way to the terminals, at the cards, twice at the last stage."""


HUGE = {**BROKEN["bad"], "bad": False, "id": "huge", "more": [1.5] * 195_000}
"""An event of nearly 1 MB, and of more between the stages."""


def with_broken(sent: Sequence[Sent], labels: Sequence[Sent]) -> tuple[list[Sent], list[Sent]]:
    """The same records, among them those that fail, and their labels."""
    events, heard = list(sent), list(labels)
    for n, (id_, fields) in enumerate(BROKEN.items()):
        place = 150 + 200 * n
        at, key = events[place].time, f"key of {id_}".encode()
        events.insert(place + 1, Sent(at, {"id": id_, **fields}, 0, key))
        after = next(i for i, label in enumerate(heard) if label.time >= at + DELAY * 1000)
        heard.insert(after, Sent(at + DELAY * 1000, {"id": id_, "y": True}, 0, key))
    return events, heard


@pytest.fixture(scope="module")
def pair(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Stream, Stream]:
    """The same records through a worker that lives, and through one that is killed."""
    folder, id_ = tmp_path_factory.mktemp("stages"), uuid.uuid4().hex[:8]
    lives, dies = (made(kafka, folder, f"{name}-{id_}") for name in ("lives", "dies"))
    for stream in (lives, dies):
        send_all(stream, *with_broken(*records(history())))
        send(stream, stream.pipeline.events.topic, [Sent(DAYS * DAY * 1000, HUGE)])
    with workers(lives, "a"), workers(dies, "a") as (worker,):
        for share in (0.15, 0.6, 1.0):
            wait_until(lambda share=share: consumed(dies) >= share * COUNT, what="some events")
            worker.kill()
            worker.start()
        wait_for_all(lives)
        wait_for_all(dies)
    return lives, dies


def test_features_are_those_of_the_whole_history(pair: tuple[Stream, Stream]) -> None:
    data = history()
    scored = seen(pair[0])
    assert set(scored) == {*range(COUNT), "huge"}
    for id_, row in enumerate(expected(data)):
        got = {name: scored[id_][name] for name in row}
        assert got == pytest.approx(row, abs=1e-9)
    assert len({json.dumps(row) for row in expected(data)}) > COUNT / 2


def test_a_kill_changes_no_bit(pair: tuple[Stream, Stream]) -> None:
    lives, dies = map(said, pair)
    assert len(lives) == COUNT + 1
    for place, prediction in lives.items():
        other = dies[place]
        for name in ("id", "prediction", "score", "decision", "threshold"):
            assert prediction[name] == other[name]
        assert prediction["model"]["version"] == other["model"]["version"]
    assert len(dies) == COUNT + 1
    assert max(p["model"]["version"] for p in lives.values()) > COUNT / 2
    for stage in (0, -1):
        one, two = (without_place(state(stream, stage)[0]) for stream in pair)
        assert one == two
        assert len(one) > TERMINALS
    assert seen(pair[0]) == seen(pair[1])


def without_place(entries: dict[str, bytes]) -> dict[str, bytes]:
    """All but the place on the topics, whose names are the pipeline's own."""
    return {key: value for key, value in entries.items() if key != POSITION}


def test_an_event_that_fails_at_any_stage_is_one_dead_letter_as_it_came_in(
    pair: tuple[Stream, Stream],
) -> None:
    stages = {"no terminal": "validate", "no amount": "features", "no speed": "validate"}
    for stream in pair:
        sent = with_broken(*records(history()))[0]
        letters = dead_letters(stream)
        assert len(letters) == len(BROKEN)
        for letter, id_ in zip(letters, BROKEN, strict=True):
            offset = next(i for i, event in enumerate(sent) if event.value["id"] == id_)
            assert letter.why[:3] == (stream.pipeline.events.topic, 0, offset)
            assert letter.why.stage == stages.get(id_, "features")
            assert letter.key == f"key of {id_}".encode()
            assert letter.time == sent[offset].time
            value = json.loads(letter.value or b"")
            assert value["id"] == id_
            assert BROKEN[id_].items() <= value.items()


@pytest.fixture(scope="module")
def four(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Four:
    """Four partitions, filled one after another, with one worker that lives, or is killed."""
    folder, id_ = tmp_path_factory.mktemp("four"), uuid.uuid4().hex[:8]
    streams = [made(kafka, folder, f"four-{n}-{id_}", 4, METRICS) for n in ("lives", "dying")]
    for stream, seed in zip(streams, (1, 2), strict=True):
        events, labels = records(history(), 4)
        send_all(stream, in_turn(events), in_turn(labels), seed=seed)
    lives, dies = streams
    with workers(lives, "a"):
        wait_for_all(lives)
    with workers(dies, "a") as (worker,):
        for share in (0.1, 0.6):
            wait_until(lambda share=share: consumed(dies) >= share * COUNT, what="some events")
            worker.kill()
            worker.start()
        wait_for_all(dies)
    return Four(lives, dies)


class Four(NamedTuple):
    """Both streams."""

    lives: Stream
    dies: Stream


def in_turn(sent: Sequence[Sent]) -> list[Sent]:
    """One partition after the other."""
    return sorted(sent, key=lambda one: one.partition)


def between(stream: Stream) -> int:
    """How many records were ever written between the stages."""
    topic = stages(stream.pipeline)[1].inputs[0]
    with reading(stream.pipeline, stream.kafka) as reader:
        return sum(reader.ends(topic).values())


def test_one_worker_hands_all_over_at_once(four: Four, pair: tuple[Stream, Stream]) -> None:
    assert [between(stream) for stream in (*four, *pair)] == [0, 0, 0, 0]


def test_with_four_partitions_each_score_is_the_same_with_kills(four: Four) -> None:
    lives, dies = ({p["id"]: p for p in said(stream).values()} for stream in four)
    assert len(lives) == len(dies) == COUNT
    for id_, prediction in lives.items():
        assert prediction["score"] == dies[id_]["score"]
        assert prediction["model"]["version"] == dies[id_]["model"]["version"]
    assert len({p["score"] for p in lives.values()}) > COUNT / 3
    for stage in (0, -1):
        one, two = (state(stream, stage) for stream in four)
        assert {n: without_place(e) for n, e in one.items()} == {
            n: without_place(e) for n, e in two.items()
        }


def test_with_four_partitions_features_are_those_of_the_whole_history(four: Four) -> None:
    for stream in four:
        scored = seen(stream)
        for id_, row in enumerate(expected(history())):
            assert [scored[id_][name] for name in row] == pytest.approx([*row.values()], abs=1e-9)


def test_with_four_partitions_a_window_of_each_is_final_once(four: Four) -> None:
    ends: list[dict[tuple[int, int], Any]] = []
    for stream in four:
        assert stream.pipeline.metrics is not None
        read = read_committed(stream.bootstrap, stream.pipeline.metrics.topic)
        metrics = [json.loads(record.value() or b"") for record in read]
        final = [one for one in metrics if one["final"]]
        ends.append({(one["start"], one["partition"]): one for one in final})
        assert len(ends[-1]) == len(final), "a window was closed twice"
    assert ends[0] == ends[1]
    # All but those of the last days, whose labels are the last records.
    assert sum(one["events"] for one in ends[0].values()) > 0.9 * COUNT


@pytest.mark.long
def test_two_workers_and_a_kill_lose_and_double_nothing(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    stream, data = made(kafka, tmp_path, topic_name, partitions=4), history(6)
    send_all(stream, *records(data, 4), seed=3)
    last = finals()
    with workers(stream, "a", "b") as (first, _):
        wait_until(lambda: consumed(stream) >= 0.2 * COUNT, what="some events")
        first.kill()
        first.start()
        wait_for_all(stream)
        send(stream, stream.pipeline.events.topic, records(last, 4)[0])
        wait_for_all(stream)
    scored, whole = seen(stream), expected(joined(data, last))
    assert len(said(stream)) == len(scored) == COUNT + TERMINALS
    for id_, row in enumerate(whole):
        # What is known of a terminal hangs on how far other cards have come; in the end all is.
        sure = [n for n in row if n.startswith("card_") or id_ >= COUNT]
        assert [scored[id_][n] for n in sure] == pytest.approx([row[n] for n in sure], abs=1e-9)
    assert all(row["terminal_count_7d"] > 10 for row in whole[COUNT:])
    assert dead_letters(stream) == []


def test_a_worker_that_is_left_alone_first_does_what_lies_between(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    # The worker runs while all is sent, and meets some events a part before their labels.
    stream, data = made(kafka, tmp_path, topic_name, partitions=2, expire="30d"), history(7)
    parts, last = in_parts(*records(data, 2), shares=(0.2, 0.5, 0.8)), finals()
    with workers(stream, None) as (alone,):
        send_all(stream, *parts[0])
        wait_for_all(stream)
        assert between(stream) == 0
        with workers(stream, None) as (other,):
            wait_until(lambda: "partitions [1]" in other.log + alone.log, what="the other's part")
            other.pause()
            send_all(stream, *parts[1])
            wait_until(lambda: between(stream) > 0, what="some records between the stages")
            assert alone.stop() == 0
            other.resume()
            send_all(stream, *parts[2])
            wait_for_all(stream)
            written = between(stream)
            assert written > 0
            send_all(stream, *parts[3])
            wait_for_all(stream)
            send(stream, stream.pipeline.events.topic, records(last, 2)[0])
            wait_for_all(stream)
            assert between(stream) == written
            assert "comes first" in other.log
            assert other.stop() == 0
    scored, whole = seen(stream), expected(joined(data, last))
    assert len(said(stream)) == len(scored) == COUNT + TERMINALS
    for id_, row in enumerate(whole):
        sure = [n for n in row if n.startswith("card_") or id_ >= COUNT]
        assert [scored[id_][n] for n in sure] == pytest.approx([row[n] for n in sure], abs=1e-9)
    assert [letter.value for letter in dead_letters(stream)] == []


def in_parts(
    events: Sequence[Sent], labels: Sequence[Sent], shares: Sequence[float]
) -> list[tuple[Sequence[Sent], Sequence[Sent]]]:
    """The history one part after another, cut after these shares of the events."""
    cuts = [events[int(share * len(events))].time for share in shares]
    spans = list(zip([-1, *cuts], [*cuts, float("inf")], strict=True))
    return [
        (
            [sent for sent in events if start < sent.time <= end],
            [sent for sent in labels if start < sent.time <= end],
        )
        for start, end in spans
    ]


def finals() -> Transactions:
    """A payment at each terminal, when all labels have come."""
    n = np.arange(TERMINALS)
    zero = np.zeros(TERMINALS, dtype=np.int64)
    when = zero + DAYS * DAY + DELAY + 3600
    amount = np.ones(TERMINALS)
    return Transactions(n + COUNT, when, n, n, amount, zero > 0, zero)


def joined(*parts: Transactions) -> Transactions:
    names = [field.name for field in dataclasses.fields(Transactions)]
    return Transactions(*(np.concatenate([getattr(p, n) for p in parts]) for n in names))
