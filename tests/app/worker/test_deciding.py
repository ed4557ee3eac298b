"""With a shared learner a budget and the metrics are those of the pipeline, not of a partition."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents.decisions.decider import Decider, DecisionSettings
from agents.shared.scores import decode
from agents.state import State
from app.evaluation.passage import on_the_way
from app.kafka.partitions import TP
from app.pipeline.load import Pipeline, load_pipeline
from app.pipeline.stages import decides_for_all, stages
from tests.app.worker.playing import Playing, Told
from topics.times import DAY

FILE = """
name = "p"
[events]
topic = "payments"
id = "id"
features = ["a", "b"]
[labels]
topic = "verdicts"
expire = "2d"
[predictions]
topic = "said"
[learner]
type = "logistic_regression"
shared = "learner"
"""
BUDGET = """
[decisions]
topic = "alerts"
budget = 5
per = "1d"
entity = "card"
reasons = 1
"""
METRICS = """
[metrics]
topic = "figures"
window = "1d"
k = 3
entity = "card"
amount = "a"
frozen = FROZEN
rivals = FROZEN
"""
THRESHOLD = '[decisions]\ntopic = "alerts"\nthreshold = 0.6\nentity = "card"\n'
DAYS, A_DAY = 6, 150


def read(folder: Path, more: str = BUDGET + METRICS, *, frozen: bool = False) -> Pipeline:
    file = folder / "p.toml"
    file.write_text(FILE + more.replace("FROZEN", str(frozen).lower()))
    return load_pipeline(file, environ={})


def history(seed: int = 2) -> list[Told]:
    """Payments of 12 cards, keyed by what has nothing to do with these; labels half a day late."""
    draw, found = random.Random(seed), list[tuple[int, Told]]()
    for n in range(DAYS * A_DAY):
        time, key = n * DAY // A_DAY, str(draw.randrange(40))
        event = {"id": n, "card": draw.randrange(12), "a": draw.gauss(0, 1), "b": draw.random()}
        truth = {"id": n, "label": event["a"] + event["b"] > 1.5}
        found.append((time, Told("payments", key, event, time)))
        later = time + DAY // 2 + draw.randrange(1_000)
        found.append((later, Told("verdicts", key, truth, later)))
    return [told for _, told in sorted(found, key=lambda pair: pair[0])]


def played(pipeline: Pipeline, partitions: int, **how: Any) -> Playing:
    made = Playing(pipeline, partitions, **how)
    made.play(history())
    return made


def records(made: Playing, topic: str) -> list[dict[str, Any]]:
    """All of an output, whichever partition its key chose; metrics without their partition."""
    logs = [log for at, log in made.logs.items() if at.topic == topic]
    return [msgspec.json.decode(record.value()) for log in logs for record in log]


def alerts(made: Playing) -> list[tuple[int, Any, Any, float]]:
    """Day, card, id and score of each alert."""
    found = records(made, "alerts")
    return sorted((a["time"] // DAY, a["entity"], a["id"], a["score"]) for a in found)


def figures(made: Playing) -> dict[tuple[Any, Any], Any]:
    """The last record of each window and partition."""
    found = {(one["start"], one["partition"]): one for one in records(made, "figures")}
    assert {partition for _, partition in found} <= {0}
    return {key: {k: v for k, v in one.items() if k != "time"} for key, one in found.items()}


def said(made: Playing) -> dict[Any, dict[str, Any]]:
    """All that predictions say, but for the place of the event."""
    assert len(made.scores) == len(made.predictions)
    return {p["id"]: {k: v for k, v in p.items() if k != "source"} for p in made.predictions}


def in_order(made: Playing) -> Iterator[tuple[int, Any, Any, float | None]]:
    """Time, card, id and score of each event that was forwarded, in the order of the topic."""
    for record in made.logs[TP("p.scored.v1", 0)]:
        scored = decode(record.value())
        operations = scored.operations
        cards = operations.column("card", scored.at)
        yield from zip(
            operations.times[scored.at].tolist(), cards, scored.ids, scored.scores, strict=True
        )


def offline(made: Playing) -> dict[Any, str]:
    """What one decider says, event after event."""
    decider = Decider(DecisionSettings(budget=5, per=DAY), State())
    return {
        id_: "alert" if decider.decide([time], [card], [score]).alerts[0] else "pass"
        for time, card, id_, score in in_order(made)
    }


@pytest.mark.parametrize("more", [BUDGET, METRICS, BUDGET + METRICS, THRESHOLD + METRICS])
def test_four_partitions_decide_and_are_evaluated_as_one(tmp_path: Path, more: str) -> None:
    one, four = (played(read(tmp_path, more), partitions) for partitions in (1, 4))
    assert len(four.scores) == DAYS * A_DAY
    assert said(four) == said(one)
    assert alerts(four) == alerts(one)
    assert figures(four) == figures(one)
    assert bool(alerts(four)) is ("[decisions]" in more)
    assert bool(figures(four)) is ("[metrics]" in more)


def test_a_card_is_alerted_once_a_day_in_whatever_partitions_its_events_are(tmp_path: Path) -> None:
    made = played(read(tmp_path), 4, at_once=False)
    found = alerts(made)
    assert max(Counter((day, card) for day, card, *_ in found).values()) == 1
    a_day = Counter(day for day, *_ in found)
    assert max(a_day.values()) == 5
    assert sum(a_day.values()) > 4 * DAYS
    assert {id_: one["decision"] for id_, one in said(made).items()} == offline(made)
    assert all(alert["event"]["b"] > 0 for alert in records(made, "alerts"))


@pytest.mark.parametrize("at_once", [False, True])
def test_what_is_killed_goes_on_to_the_same_decisions_and_figures(
    tmp_path: Path, at_once: bool
) -> None:
    pipeline = read(tmp_path, frozen=True)
    whole, made = played(pipeline, 3, at_once=at_once), Playing(pipeline, 3, at_once=at_once)
    for n, batches in enumerate(made.rounds(history())):
        if n % 4 == 1:  # in the middle of a round
            made.process(batches[0])
            made.restart()
        for batch in batches:
            made.process(batch)
        made.commit()
        if n % 5 == 2:
            made.restart()
        made.go_on()
    assert said(made) == said(whole)
    assert alerts(made) == alerts(whole)
    assert figures(made) == figures(whole)
    assert all(one["frozen"] for one in list(figures(made).values())[1:-1])


def test_a_block_of_another_version_becomes_a_dead_letter(tmp_path: Path) -> None:
    made = Playing(read(tmp_path), 1, at_once=False)
    place = TP("p.scored.v1", 0)
    made.write(place.topic, None, b"\xc1")
    made.write(place.topic, None, msgspec.msgpack.encode([9, b"", b"", b"", *[[]] * 13]))
    made.go_on()
    assert [letter.value for letter in made.letters] == [r.value() for r in made.logs[place]]


class Unread:
    """A reader of what nobody has processed yet."""

    def __init__(self, made: Playing) -> None:
        self._logs = made.logs

    def committed(self, topic: str) -> Mapping[int, int | None]:
        """Nothing is done."""
        return {0: None}

    def read(self, topic: str, start: Mapping[int, int] | None = None) -> Iterator[Any]:
        """All of it."""
        return iter(self._logs[TP(topic, 0)])


def test_what_is_on_the_way_is_counted_beside_a_block_that_cannot_be_read(tmp_path: Path) -> None:
    made = Playing(read(tmp_path), 1, at_once=False)
    (batches,) = made.rounds(history()[:20])
    made.process(batches[0])
    made.commit()
    for bad in (None, b"", b"\xc1"):
        made.write("p.scored.v1", None, bad)
    assert on_the_way(made.pipeline, Unread(made)) == 20


@pytest.mark.parametrize("column", [1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 16])
def test_a_block_whose_columns_differ_becomes_a_dead_letter(tmp_path: Path, column: int) -> None:
    pipeline = read(tmp_path)
    made, place = Playing(pipeline, 1, at_once=False), TP("p.scored.v1", 0)
    for batches in made.rounds(history()[:20]):
        made.process(batches[0])
        made.commit()
    whole = msgspec.msgpack.decode(made.logs[place].pop().value())
    whole[column] = whole[column][:-1] or [None]
    made.write(place.topic, None, msgspec.msgpack.encode(whole))
    made.write(place.topic, None, None)
    made.go_on()
    assert [letter.value for letter in made.letters] == [r.value() for r in made.logs[place]]
    assert not made.predictions


def test_only_a_shared_learner_with_a_budget_or_metrics_has_a_stage_that_decides(
    tmp_path: Path,
) -> None:
    assert [s.decides for s in stages(read(tmp_path))] == [False, True, False]
    assert not decides_for_all(read(tmp_path, THRESHOLD))
    apart = read(tmp_path).model_copy(update={"learner": read(tmp_path).learner.model_copy(
        update={"shared": None})})  # fmt: skip
    assert len(stages(apart)) == 1
