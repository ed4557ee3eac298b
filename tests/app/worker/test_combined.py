"""Workers with several stages of one model: labels by id, mixing, a budget and metrics together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from confluent_kafka import Message

from app.evaluation.passage import learned
from app.kafka.partitions import TP
from app.kafka.reading import Reader
from app.pipeline.load import Pipeline
from tests.app.worker import test_label_key as by_id
from tests.app.worker.committed import Kafka
from tests.app.worker.crew import play
from tests.app.worker.playing import Told

PARTITIONS, SPAN, BUDGET, EVENTS = 4, 100, 5, 300
MIX = f'shared = "mix"\nmark = "{SPAN}ms"'
DECIDES = f"""
[decisions]
topic = "alerts"
budget = {BUDGET}
per = "{SPAN}ms"
entity = "customer"
[metrics]
topic = "figures"
window = "{SPAN}ms"
k = 3
entity = "customer"
"""
HOWS = [(1, 4, 0), (2, 4, 0), (3, 0, 0), (2, 2, 4)]
"""Workers, how often one is killed, and how often partitions move."""


def pipeline(folder: Path, shared: str = MIX, more: str = "") -> Pipeline:
    return by_id.read(folder, shared=shared, more=more)


def history() -> list[Told]:
    """Orders, and one label for each."""
    known = set[Any]()
    found = []
    for told in by_id.history(by_id=True, events=EVENTS):
        order = told.value["order"]
        if told.topic == "orders" or (order not in known and not _nobodys(order)):
            found.append(told)
        if told.topic == "verdicts":
            known.add(order)
    return found


def _nobodys(order: Any) -> bool:
    return isinstance(order, int) and order < 0


class Saved:
    """A reader of what workers have committed."""

    def __init__(self, kafka: Kafka) -> None:
        self._states = kafka.states

    def read(self, topic: str) -> Iterator[Message]:
        """The state topic, compacted."""
        for at, (state, _) in self._states.items():
            if at.topic == topic:
                for offset, (key, value) in enumerate(state.items()):
                    yield Message(*at, offset, key, value, timestamp=(1, 0))


@pytest.mark.parametrize("more", ["", by_id.COUNT])
@pytest.mark.parametrize(("workers", "kills", "moves"), HOWS)
def test_labels_by_id_are_learned_once_where_models_are_mixed(
    tmp_path: Path, more: str, workers: int, kills: int, moves: int
) -> None:
    made = pipeline(tmp_path, more=more)
    kafka, crew = play(made, PARTITIONS, history(), workers=workers, kills=kills, moves=moves)
    assert len(kafka.scores) == EVENTS
    assert sum(worker.assignment.labels.share.met for worker in crew) == EVENTS
    assert sum(worker.own_labels for worker in crew) == EVENTS
    assert learned(made, cast(Reader, Saved(kafka))) == EVENTS
    assert not kafka.letters


def test_what_one_worker_mixes_by_id_is_the_same_whatever_is_killed(tmp_path: Path) -> None:
    made = pipeline(tmp_path, more=by_id.COUNT)
    whole, _ = play(made, PARTITIONS, history())
    for seed in range(1, 4):
        again, _ = play(made, PARTITIONS, history(), kills=6, seed=seed)
        assert again.scores == whole.scores


def outputs(kafka: Kafka) -> tuple[list[Any], list[Any], dict[tuple[int, int], Any]]:
    """Predictions, alerts, and the last record of each window and partition."""
    figures: dict[tuple[int, int], Any] = {}
    for at, log in kafka.logs.items():
        for said in [msgspec.json.decode(r.value()) for r in log if at.topic == "figures"]:
            figures[said["start"], said["partition"]] = {**said, "time": None}
    logs = [log for at, log in sorted(kafka.logs.items()) if at.topic == "alerts"]
    alerts = sorted(record.value() for log in logs for record in log)
    return sorted(kafka.predictions, key=repr), alerts, figures


def test_shares_of_a_budget_beside_mixing_are_the_same_whatever_is_killed(tmp_path: Path) -> None:
    made = by_id.read(tmp_path, key="", shared=MIX, more=DECIDES)
    told = by_id.history(by_id=False, events=EVENTS)
    whole, _ = play(made, PARTITIONS, told)
    assert len(outputs(whole)[1]) == BUDGET * (EVENTS // SPAN)
    assert {partition for _, partition in outputs(whole)[2]} == set(range(PARTITIONS))
    for workers, kills, moves in HOWS:
        again, _ = play(made, PARTITIONS, told, workers=workers, kills=kills, moves=moves)
        assert outputs(again) == outputs(whole)


@pytest.mark.parametrize(("workers", "kills", "moves"), HOWS)
def test_one_stage_decides_and_evaluates_what_is_labelled_by_id(
    tmp_path: Path, workers: int, kills: int, moves: int
) -> None:
    made = pipeline(tmp_path, by_id.SHARED, by_id.COUNT + DECIDES)
    kafka, _ = play(made, PARTITIONS, history(), workers=workers, kills=kills, moves=moves)
    assert len(kafka.scores) == EVENTS
    logs = [kafka.logs[TP("alerts", n)] for n in range(PARTITIONS)]
    alerts = [msgspec.json.decode(record.value()) for log in logs for record in log]
    alerted = {said["id"] for said in kafka.predictions if said["decision"] == "alert"}
    assert {alert["id"] for alert in alerts} <= alerted
    assert len(alerts) <= BUDGET * (EVENTS // SPAN)
    if workers == 1:  # nothing is late
        a_span = Counter((a["time"] // SPAN, a["entity"]) for a in alerts)
        assert set(a_span.values()) == {1}
        assert len(alerts) == BUDGET * (EVENTS // SPAN)
    assert learned(made, cast(Reader, Saved(kafka))) == EVENTS
    assert not kafka.letters
