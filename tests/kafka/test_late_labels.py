"""Labels that come late, through Kafka: what River's own evaluation with a delay gives."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from river import evaluate, linear_model, metrics, preprocessing
from river.stream import simulate_qa

from app.errors import TopicError
from app.worker.state.layout import MODEL
from learners import registry
from learners.model import Model
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
    waiting,
)
from tests.kafka.running import Stream, synthetic, wait_until, workers
from tests.kafka.support import create_topic, read_committed

DELAY = 7_000
"""Milliseconds after which a label comes."""


def rows(seed: int, count: int) -> list[dict[str, Any]]:
    """Events at times that are often the same, and often those of labels."""
    events = synthetic(seed, count)
    return [{**event, "t": i // 3 * 1_000} for i, event in enumerate(events)]


def records(events: Sequence[dict[str, Any]], partition: int = 0) -> tuple[list[Sent], list[Sent]]:
    """The events without their labels, and their labels."""
    bare = [
        Sent(e["t"], {k: v for k, v in e.items() if k not in ("y", "t")}, partition) for e in events
    ]
    labels = [Sent(e["t"] + DELAY, {"id": e["id"], "y": e["y"]}, partition) for e in events]
    return bare, labels


def features(event: dict[str, Any]) -> dict[str, float]:
    return {k: v for k, v in event.items() if k.startswith("x")}


def dataset(events: Sequence[dict[str, Any]]) -> tuple[list[Any], Any]:
    """Features and labels, and what tells the time of features."""
    times = {tuple(features(e).values()): e["t"] for e in events}
    return [(features(e), e["y"]) for e in events], lambda x: times[tuple(x.values())]


def oracle(estimator: Any, events: Sequence[dict[str, Any]]) -> list[Any]:
    """What River's evaluation says of each event, its label being `DELAY` late."""
    data, moment = dataset(events)
    steps = evaluate.iter_progressive_val_score(
        data,
        estimator,
        metrics.LogLoss(),
        moment=moment,
        delay=DELAY,
        step=1,
        yield_predictions=True,
    )
    return [step["Prediction"] for step in steps]


def by_hand(model: Model, events: Sequence[dict[str, Any]]) -> list[tuple[Any, Any, int]]:
    """The same by River's queue of questions and answers, for a model of ours."""
    found = []
    for _, x, y in simulate_qa(*dataset(events), DELAY):
        if y is None:
            found.append((model.predict_one(x), model.score(x), model.learned))
        else:
            model.learn_one(x, y)
    return found


def river(name: str) -> Any:
    estimator = {
        "logistic": linear_model.LogisticRegression(),
        "passive": linear_model.PAClassifier(C=0.01),
    }[name]
    return preprocessing.StandardScaler() | estimator


LEARNERS = {
    ("logistic", "river"): "river.linear_model.LogisticRegression",
    ("logistic", "own"): "logistic_regression",
    ("passive", "river"): "river.linear_model.PAClassifier",
    ("passive", "own"): "passive_aggressive",
}
"""By the oracle, and whose implementation it is."""

STREAMS = [rows(seed, 240) for seed in (1, 2)]
"""The events of each partition."""


@pytest.fixture(scope="module")
def delayed(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> dict[Any, Stream]:
    """A pipeline for each learner, its records sent in another order each time."""
    found: dict[Any, Stream] = {}
    with ExitStack() as stack:
        for seed, (which, learner) in enumerate(LEARNERS.items()):
            name = f"late-{'-'.join(which)}-{uuid.uuid4().hex[:8]}"
            more = "scale = true" + ("\nC = 0.01" if which[0] == "passive" else "")
            folder = tmp_path_factory.mktemp(name)
            made = late(kafka, folder, name, learner, more, partitions=2)
            for partition, events in enumerate(STREAMS):
                send_all(made, *records(events, partition), seed=seed or None)
            found[which] = made
            stack.enter_context(workers(made, "a"))
        for made in found.values():
            wait_for_all(made)
    return found


@pytest.mark.parametrize("which", LEARNERS, ids="-".join)
def test_each_score_is_what_rivers_evaluation_with_a_delay_yields(
    delayed: dict[Any, Stream], which: tuple[str, str]
) -> None:
    predictions = said(delayed[which])
    assert len(predictions) == sum(map(len, STREAMS))
    for partition, events in enumerate(STREAMS):
        for offset, (event, expected) in enumerate(
            zip(events, oracle(river(which[0]), events), strict=True)
        ):
            got = predictions[partition, offset]
            assert got["id"] == event["id"]
            score = expected[True]
            assert got["score"] == (
                score if which[1] == "river" else pytest.approx(score, abs=1e-9)
            )


@pytest.mark.parametrize("which", [which for which in LEARNERS if which[1] == "own"], ids="-".join)
def test_our_learner_ends_as_one_that_was_asked_and_told_by_hand(
    delayed: dict[Any, Stream], which: tuple[str, str]
) -> None:
    predictions, entries = said(delayed[which]), state(delayed[which])
    params = {"C": 0.01} if which[0] == "passive" else {}
    for partition, events in enumerate(STREAMS):
        model = registry.create(LEARNERS[which], params, scale=True)
        for offset, (prediction, score, version) in enumerate(by_hand(model, events)):
            got = predictions[partition, offset]
            assert (got["prediction"], got["score"]) == (prediction, score)
            assert got["model"]["version"] == version
        assert entries[partition][MODEL] == model.fingerprint().encode()
        assert waiting(entries[partition]) == set()


class Told:
    """A pipeline of one partition, and beside it the loop that it must equal."""

    def __init__(self, stream: Stream, model: Model) -> None:
        self.stream, self.model = stream, model
        self.rows: dict[str, dict[str, float]] = {}
        self.events: list[Sent] = []
        self.labels: list[Sent] = []
        self.expected: list[tuple[Any, Any, Any, int]] = []

    def event(self, second: float, id_: str, *, x0: float | None = None) -> None:
        """Send an event; it is scored."""
        (made,) = synthetic(len(self.events), 1)
        row = features(made) if x0 is None else {**features(made), "x0": x0}
        self.events.append(Sent(round(second * 1000), {"id": id_, **row}))
        self.rows.setdefault(id_, row)
        said = self.model.predict_one(row), self.model.score(row)
        self.expected.append((id_, *said, self.model.learned))

    def label(self, second: float, value: Any, key: bytes | None = None) -> None:
        """Send a record of the labels topic."""
        self.labels.append(Sent(round(second * 1000), value, 0, key))

    def learned(self, id_: str, y: bool, times: int = 1) -> None:
        """What follows of that."""
        self.model.run([self.rows[id_]], [y], times=[times])

    def check(self) -> None:
        """Let a worker go through all; its predictions and its model are those expected."""
        send_all(self.stream, self.events, self.labels)
        with workers(self.stream, "a"):
            wait_for_all(self.stream)
        found = said(self.stream)
        for offset, expected in enumerate(self.expected):
            got = found[0, offset]
            version = got["model"]["version"]
            assert (got["id"], got["prediction"], got["score"], version) == expected
        assert len(found) == len(self.expected)
        assert state(self.stream)[0][MODEL] == self.model.fingerprint().encode()


def place(stream: Stream, sent: Sequence[Sent], which: Sent) -> tuple[str, int, int]:
    """Where a label record lies."""
    assert stream.pipeline.labels is not None
    return stream.pipeline.labels.topic, 0, sent.index(which)


def test_whatever_happens_to_labels_is_what_a_loop_by_hand_does(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    weights = 'source = "who"\nweights = { boss = 2, bot = 0 }\n'
    made = late(
        *(kafka, tmp_path, topic_name, "logistic_regression"),
        labels=weights + 'expire = "20s"\non_expire = false',
    )
    told = Told(made, registry.create("logistic_regression", {}, scale=True))
    for second, id_ in enumerate("abcde"):
        told.event(second, id_)
    told.label(5, {"id": "a", "y": True})
    told.learned("a", True)
    told.label(6, {"id": "a", "y": 1})  # doubled
    told.label(7, {"id": "b", "y": True, "who": "boss"})
    told.learned("b", True, times=2)
    told.label(8, {"id": "a", "y": False, "who": "somebody"})  # corrected
    told.learned("a", False)
    told.label(9, {"id": "f", "y": True})  # early
    told.label(10, {"id": "c", "y": True, "who": "bot"})  # heard, not learned
    told.label(11, {"id": "c", "y": True, "who": "boss"})
    told.learned("c", True, times=2)
    bad = [b"no json", None, {"id": "d"}, {"id": "d", "y": "maybe"}, {"id": [1], "y": True}]
    for n, value in enumerate(bad):
        told.label(12, value, b"bad-%d" % n)
    told.label(13, {"id": "z", "y": True}, b"unknown")
    told.event(15, "f")
    told.learned("f", True)
    told.event(16, "a")  # again, while the first one waits: scored only
    told.label(24, {"id": "e", "y": True})  # at its last moment; d is over
    told.learned("d", False)
    told.learned("e", True)
    told.label(25, {"id": "d", "y": True}, b"too late")
    told.event(100, "m")
    told.check()

    assert waiting(state(made)[0]) == {"m"}
    letters = dead_letters(made)
    keyed = [sent for sent in told.labels if sent.key]
    assert [letter.why[:3] for letter in letters] == [
        place(made, told.labels, sent) for sent in keyed
    ]
    assert [letter.key for letter in letters] == [sent.key for sent in keyed]
    assert [letter.time for letter in letters] == [sent.time for sent in keyed]
    assert [letter.value for letter in letters[:2]] == [b"no json", None]
    assert [letter.why.stage for letter in letters] == ["decode"] * 2 + ["validate"] * 5
    assert letters[5].why.message.startswith("no event with the id 'z' waits on this partition")
    assert letters[6].why.message.startswith("no event with the id 'd' waits on this partition")
    assert "none came within 20 s (labels.expire)" in letters[6].why.message


def test_a_label_that_cannot_be_learned_is_set_aside_and_nothing_else(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    learner = "tests.kafka.learners:Balky"
    labels = 'expire = "20s"\non_expire = true'
    made = late(kafka, tmp_path, topic_name, learner, "", labels=labels)
    told = Told(made, registry.create(learner, {}))
    for second, (id_, x0) in enumerate([("a", None), ("b", 13.0), ("c", 13.0), ("d", None)]):
        told.event(second, id_, x0=x0)
    told.label(4, {"id": "a", "y": True})
    told.learned("a", True)
    told.label(5, {"id": "b", "y": False}, b"of b")
    told.label(6, {"id": "e", "y": False}, b"of e")
    told.event(10, "e", x0=13.0)
    told.event(11, "f")
    told.event(23.5, "g")  # d expires just before, and c, which cannot be learned
    told.learned("d", True)
    told.expected.pop()
    told.events.pop()
    told.event(23.5, "g")
    told.label(24, {"id": "g", "y": False})
    told.learned("g", False)
    told.check()

    letters = dead_letters(made)
    assert [letter.why[:3] for letter in letters] == [
        ("", -1, -1),
        place(made, told.labels, told.labels[1]),
        place(made, told.labels, told.labels[2]),
    ]
    assert {(letter.why.stage, letter.why.message) for letter in letters} == {
        ("learn", "no thirteens")
    }
    assert [letter.key for letter in letters] == [None, b"of b", b"of e"]
    assert letters[0].value == b'{"id":"c","label":true}'
    assert waiting(state(made)[0]) == {"f"}


@pytest.mark.long
def test_kills_and_workers_that_come_and_go_change_nothing(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    learner = "tests.kafka.learners:Unhurried"
    made = late(kafka, tmp_path, topic_name, learner, "", partitions=4, labels='expire = "40s"')
    streams = [rows(10 + partition, 400) for partition in range(4)]
    for partition, events in enumerate(streams):
        bare, labels = records(events, partition)
        send_all(made, bare, [label for n, label in enumerate(labels) if n % 10], seed=partition)
    with workers(made, "a") as (first,):
        for share in (0.1, 0.3):
            wait_until(lambda share=share: consumed(made) >= share * 1600, what="some events")
            first.kill()
            first.start()
        with workers(made, "b") as (second,):
            wait_until(lambda: "partitions [" in second.log, what="the second worker")
            done = consumed(made)
            assert done < 1400
            wait_until(lambda: consumed(made) >= done + 60, what="more events")
            second.kill()
            before = second.log.count("partitions [")
            second.start()
            wait_until(lambda: second.log.count("partitions [") > before, what="its return")
            assert second.stop() == 0
        wait_for_all(made)
        assert first.stop() == 0
    predictions, entries = said(made), state(made)
    assert len(predictions) == 1600
    for partition, events in enumerate(streams):
        model = registry.create(learner, {})
        for offset, expected in enumerate(heard(model, events)):
            got = predictions[partition, offset]
            assert (got["score"], got["model"]["version"]) == expected
        assert entries[partition][MODEL] == model.fingerprint().encode()
        end = events[-1]["t"] + DELAY
        unlabelled = {e["id"] for e in events[::10] if e["t"] + 40_000 >= end}
        assert waiting(entries[partition]) == unlabelled
        rows_left = sum(key.startswith("row/") for key in entries[partition])
        assert rows_left == sum(e["t"] + 40_000 >= end for e in events)


def heard(model: Model, events: Sequence[dict[str, Any]]) -> list[tuple[Any, int]]:
    """Scores and versions, where every tenth event never gets its label."""
    found, silent = [], {tuple(features(e).values()) for e in events[::10]}
    for _, x, y in simulate_qa(*dataset(events), DELAY):
        if y is None:
            found.append((model.score(x), model.learned))
        elif tuple(x.values()) not in silent:
            model.learn_one(x, y)
    return found


def test_labels_on_another_number_of_partitions_are_refused_at_the_start(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    create_topic(kafka, f"{topic_name}.labels.v1", 3)
    with pytest.raises(TopicError) as refused:
        late(kafka, tmp_path, topic_name, "passive_aggressive", partitions=2)
    made = Stream(kafka, tmp_path / f"{topic_name}.toml", None, [])  # type: ignore[arg-type]
    with workers(made, "a") as (worker,):
        assert worker.process.wait(30) == 1
        assert worker.log == f"riverrun: {refused.value}\n"
    assert f"{topic_name}.labels.v1 has 3 partitions, but the events have 2" in worker.log


def test_a_label_of_a_live_stream_is_learned_within_a_second(
    kafka: str, tmp_path: Path, topic_name: str
) -> None:
    made = late(kafka, tmp_path, topic_name, "passive_aggressive")
    assert made.pipeline.labels is not None
    with workers(made, "a"):
        send(made, made.pipeline.events.topic, [Sent(0, {"id": 0, "x0": 1.0})])
        wait_until(lambda: said(made), what="the first prediction")
        sent = time.time()
        send(made, made.pipeline.labels.topic, [Sent(1, {"id": 0, "y": True})])
        wait_until(lambda: MODEL in state(made).get(0, {}), 10.0, "the model")
    written = [
        record.timestamp()[1] / 1000
        for record in read_committed(kafka, made.pipeline.state_topic)
        if (record.key() or b"").startswith(MODEL.encode())
    ]
    assert 0 < written[0] - sent < 1.0
