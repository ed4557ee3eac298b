"""Labels that are keyed by the ids of their events, where events are keyed otherwise."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from agents.labels.counts import LabelShare
from agents.shared.rows import RowBlock
from app.kafka.partitions import TP
from app.pipeline.load import Pipeline, load_pipeline
from app.pipeline.models import new_model
from app.sentences import labels_sentence
from tests.app.worker.playing import Playing, Told
from topics.dead_letters import reason

FILE = """
name = "p"
[events]
topic = "orders"
id = "order"
key = "customer"
{features}
[labels]
topic = "verdicts"
id = "order"
expire = "1h"
source = "by"
weights = {{ analyst = 3 }}
{key}
[predictions]
topic = "said"
[learner]
type = "logistic_regression"
scale = true
{shared}
"""
BY_ID = 'key = "id"'
SHARED = 'shared = "learner"'
COUNT = """
[[entities]]
field = "customer"
features = ["count"]
[[entities]]
field = "shop"
features = ["count", "mean(a)"]
"""


def read(folder: Path, key: str = BY_ID, shared: str = SHARED, more: str = "") -> Pipeline:
    file = folder / "p.toml"
    features = "" if more else 'features = ["a", "b"]'
    file.write_text(FILE.format(key=key, shared=shared, features=features) + more)
    return load_pipeline(file, environ={})


def history(*, by_id: bool, events: int = 600, seed: int = 5) -> list[Told]:
    """Orders of customers; labels 80 records later, keyed by the order or by the customer.

    Some labels come before their order, some twice, some are corrected, some have no order.
    """
    draw, found, due = random.Random(seed), [], list[tuple[int, Any, str]]()
    for n in range(events):
        order = f"order-{n}" if n % 3 else n
        event: dict[str, Any] = {"order": order, "customer": f"c{n % 17}", "shop": n % 5}
        event |= {"a": draw.gauss(0, 1), "b": draw.random()}
        label = {"order": order, "label": event["a"] > event["b"]}
        customer = str(event["customer"])
        if n % 11 == 0:
            label["by"] = "analyst"
        due.append((n - 20 if n % 50 == 7 else n + 80, label, customer))
        if n % 13 == 0:
            due.append((n + 90, label, customer))
        if n % 29 == 0:
            due.append((n + 95, {**label, "label": not label["label"]}, customer))
        if n % 97 == 0:
            due.append((n + 1, {"order": -1 - n, "label": True}, customer))
        found.append((n, Told("orders", customer, event, 1_000 + n)))
    told = [(n, Told("verdicts", str(label["order"]) if by_id else customer, label, 1_000 + n))
            for n, label, customer in due]  # fmt: skip
    return [one for _, one in sorted([*told, *found], key=lambda pair: pair[0])]


def played(pipeline: Pipeline, *, by_id: bool = True, partitions: int = 4, **how: Any) -> Playing:
    made = Playing(pipeline, partitions, **how)
    made.play(history(by_id=by_id))
    return made


def met(made: Playing) -> LabelShare:
    return made.opened.assignment.labels.share


@pytest.mark.parametrize("more", ["", COUNT])
def test_labels_keyed_by_the_id_are_learned_as_those_keyed_like_their_events(
    tmp_path: Path, more: str
) -> None:
    like_events = played(read(tmp_path, key="", more=more), by_id=False)
    by_id = played(read(tmp_path, more=more))
    assert len(by_id.scores) == 600
    assert by_id.scores == like_events.scores
    assert by_id.learned == like_events.learned
    assert met(by_id) == met(like_events) == LabelShare(600, 607)


def test_by_kafka_each_label_is_learned_once_and_the_model_is_that_of_the_rows(
    tmp_path: Path,
) -> None:
    made = played(read(tmp_path, more=COUNT), at_once=False)
    plain = new_model(made.pipeline)
    for record in made.logs[TP("p.rows.v1", 0)]:
        block = RowBlock.decode(record.value())
        for row in (block.take([i]) for i in range(len(block))):
            plain.run(row.features(), row.labels, times=row.times)
    assert made.learned == [plain.fingerprint()]
    assert len(made.scores) == 600
    assert met(made) == LabelShare(600, 607)
    assert made.opened.assignment.labels.corrected > 15


def test_what_is_killed_between_the_stages_learns_each_label_once(tmp_path: Path) -> None:
    whole, made = (Playing(read(tmp_path, more=COUNT), 4, at_once=False) for _ in range(2))
    whole.play(history(by_id=True))
    for n, batches in enumerate(made.rounds(history(by_id=True))):
        if n % 4 == 1:  # in the middle of a round, and before what is between the stages is read
            made.process(batches[0])
            made.restart()
        for batch in batches:
            made.process(batch)
        made.commit()
        if n % 5 == 2:
            made.restart()
        made.go_on()
    assert made.scores == whole.scores
    assert made.learned == whole.learned
    assert met(made) == met(whole)


def test_a_label_of_weight_three_is_one_row_that_is_learned_three_times(tmp_path: Path) -> None:
    apart = played(read(tmp_path, shared=""), partitions=1)
    made = played(read(tmp_path), partitions=1)
    assert made.learned == apart.learned
    blocks = [RowBlock.decode(record.value()) for record in made.logs[TP("p.rows.v1", 0)]]
    times = [often for block in blocks for often in block.times]
    assert set(times) == {1, 3}
    assert len(times) == met(made).met + made.opened.assignment.labels.corrected


def test_rows_of_a_version_without_times_are_learned_once(tmp_path: Path) -> None:
    made = Playing(read(tmp_path), 1, at_once=False)
    origin = [7, b"k", {"topic": "verdicts", "partition": 0, "offset": 3}, 1_000]
    values = np.array([1.0, 2.0]).tobytes()
    old = msgspec.msgpack.encode([1, False, ["a", "b"], values, [True], [origin]])
    made.write("p.rows.v1", None, old)
    made.go_on()
    made.write("p.rows.v1", None, RowBlock.decode(old).encode())
    made.go_on()
    (learner,) = (m for t in made.opened.tasks.values() if (m := t.agent.model) is not None)
    assert learner.learned == 2


def test_a_block_of_rows_whose_columns_differ_becomes_a_dead_letter(tmp_path: Path) -> None:
    made = Playing(read(tmp_path), 1, at_once=False)
    origin = [7, b"k", {"topic": "verdicts", "partition": 0, "offset": 3}, 1_000]
    values = np.array([1.0, 2.0]).tobytes()
    whole = [2, False, ["a", "b"], values, [True], [origin], [1]]
    columns: list[tuple[int, Any]] = [(3, values[1:]), (4, []), (5, []), (6, [1, 1]), (2, [])]
    for column, bad in [*columns, (0, 3)]:
        block = [bad if n == column else said for n, said in enumerate(whole)]
        made.write("p.rows.v1", None, msgspec.msgpack.encode(block))
    made.write("p.rows.v1", None, None)
    made.write("p.rows.v1", None, msgspec.msgpack.encode(whole))
    made.go_on()
    *bad_records, _ = made.logs[TP("p.rows.v1", 0)]
    assert [letter.value for letter in made.letters] == [r.value() for r in bad_records]
    (learner,) = (m for t in made.opened.tasks.values() if (m := t.agent.model) is not None)
    assert learner.learned == 1


def test_each_partition_may_have_its_own_model(tmp_path: Path) -> None:
    made = played(read(tmp_path, shared=""))
    assert len(made.learned) == 4
    assert met(made) == LabelShare(600, 607)


def test_without_the_setting_most_labels_never_meet_their_event(tmp_path: Path) -> None:
    made = played(read(tmp_path, key=""))
    assert met(made).is_small
    assert 'labels.key = "id" must be set' in labels_sentence(met(made), by_id=False)


def test_a_label_without_an_event_becomes_a_dead_letter_with_all_of_its_record(
    tmp_path: Path,
) -> None:
    made = Playing(read(tmp_path, more=COUNT), 2, at_once=False)
    label = {"order": "x", "label": True, "by": "analyst", "more": [1]}
    made.play([Told("verdicts", "x", label, 1_000)])
    made.play([Told("orders", f"c{n}", {"order": n, "customer": f"c{n}", "shop": 1, "a": 1.0,
               "b": 1.0}, 4_000_000) for n in range(9)])  # fmt: skip
    (letter,) = made.letters
    why = reason(letter.headers or [])
    assert msgspec.json.decode(letter.value or b"") == label
    assert (why.topic, why.stage, letter.key) == ("verdicts", "validate", b"x")
    no_event = "no event with the id 'x' came within 3,600 s (labels.expire): no event has this id"
    assert why.message.startswith(no_event)
    assert "key" not in why.message
