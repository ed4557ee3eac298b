"""Where batches end, how a stage forwards and what was restored change no byte of what comes out.

A stream that has everything in it: late, early, doubled, corrected and unknown labels, doubled
ids, records and fields that cannot be used, functions and a rule of both kinds, two stages.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
from confluent_kafka import Message

from agents.forwarded import outgoing
from agents.outputs import Outputs
from agents.state import State
from agents.store import MemoryStore
from app.pipeline.load import Pipeline, load_pipeline
from app.pipeline.stages import stages
from app.worker.agent_builder import AgentBuilder
from learners import registry
from learners.model import Model
from learners.saved import snapshots
from topics.records import Batch, Outgoing

HOUR = 3_600_000
FILE = """
name = "p"
[events]
topic = "cards"
id = "id"
key = "card"
functions = ["HERE:half", "HERE:big"]
FEATURES
[labels]
topic = "labels"
id = "id"
label = "fraud"
source = "by"
weights = { analyst = 2, rule = 0 }
expire = "30h"
on_expire = false
max_waiting = 60
[[entities]]
field = "card"
features = ["count", "mean(amount)", "since_last"]
windows = ["5h", "1d"]
[[entities]]
field = "shop"
source = "labels"
features = ["count", "mean(fraud)"]
windows = ["1d"]
delay = "1h"
[predictions]
topic = "said"
[learner]
type = "LEARNER"
scale = true
[decisions]
topic = "alerts"
budget = 3
per = "5h"
entity = "card"
reasons = REASONS
[metrics]
topic = "metrics"
window = "5h"
k = 2
entity = "card"
amount = "amount"
rule = "tests.app.worker.input.test_where_batches_end:RULE"
rivals = true
"""
FEATURES = (
    'features = ["amount", "half", "big", "card_count_5h", "card_mean_amount_1d",'
    ' "card_since_last", "shop_count_1d", "shop_mean_fraud_1d"]'
)


def half(events: Mapping[str, Any]) -> Mapping[str, Any]:
    """A function of columns; it fails for some events."""
    if np.any(events["amount"] == 13):
        raise ArithmeticError("unlucky")
    return {"half": np.where(events["amount"] == 17, np.nan, events["amount"] / 2)}


def big(event: Mapping[str, Any]) -> Mapping[str, float]:
    """A function of one event; it fails for some."""
    return {"big": event["half"] > 20, "share": 1 / (event["amount"] - 19)}


def rule(event: Mapping[str, Any]) -> float:
    """A rule of one event."""
    return float(event["share"] + event["card_count_5h"])


def rules(events: Mapping[str, Any]) -> Any:
    """The same of columns."""
    return events["share"] + events["card_count_5h"]


half.takes_columns = rules.takes_columns = True  # type: ignore[attr-defined]


def stream(seed: int, count: int = 300) -> list[Message]:
    """The records of both topics in their order."""
    draw, time, offsets = random.Random(seed), 0, {"cards": 0, "labels": 0}
    made = []
    for _ in range(count):
        time += draw.randrange(HOUR // 2)
        topic, value = _record(draw, time)
        at, offsets[topic] = offsets[topic], offsets[topic] + 1
        when = (1, time - draw.choice([0, 0, 0, 4 * HOUR]))
        made.append(
            Message(topic=topic, partition=0, offset=at, key=b"k", value=value, timestamp=when)
        )
    return made


def _record(draw: random.Random, time: int) -> tuple[str, bytes]:
    number = time // (2 * HOUR)
    if draw.random() < 0.5:
        id_ = draw.choice([number, number, number - 3, number + 1, f"{number}", 2**70])
        label = {"id": id_, "fraud": draw.choice([True, False, False, 1, 0.5]), "by": draw.choice(
            ["analyst", "rule", "bank", None])}  # fmt: skip
        return "labels", draw.choice([b"{", json.dumps(label).encode(), json.dumps(label).encode()])
    event: dict[str, Any] = {
        "id": draw.choice([number, number, f"{number}"]),
        "card": draw.choice(["a", "b", 7, "c", "7"] * 4 + [None]),
        "shop": draw.choice(["x", "y", 3] * 6 + [2**70]),
        "amount": draw.choice([*range(10, 22), *(n / 7 for n in range(30)), "5", None, True]),
        "more": {"deep": [number]},
    }
    for name in draw.choice([*[()] * 40, ("amount",), ("card",), ("id",), ("shop",)]):
        del event[name]
    return "cards", draw.choice([json.dumps(event).encode()] * 20 + [b"[]", b"\xff"])


@dataclass
class Run:
    """The stages of a pipeline, and what came out of them."""

    pipeline: Pipeline
    by_kafka: bool = False
    predictions: list[Any] = field(default_factory=list)
    others: list[Outgoing] = field(default_factory=list)
    letters: list[list[Outgoing]] = field(default_factory=lambda: [[], []])

    def __post_init__(self) -> None:
        self.stages = stages(self.pipeline)
        self.saved: list[dict[str, bytes]] = [{} for _ in self.stages]
        self.models = [self.new_model() for _ in self.stages]
        self.restore()

    def new_model(self) -> Model:
        learner = self.pipeline.learner
        return registry.create(
            learner.type, learner.params, learner.scale, learner.drift, learner.tables
        )

    def restore(self) -> None:
        """As after a crash right behind a commit."""
        self.models = [
            snapshots.load(snapshots.dump(model, {}), self.new_model())[0] for model in self.models
        ]
        self.states = [State(dict(saved)) for saved in self.saved]
        self.agents = [
            AgentBuilder(self.pipeline, stage, 0, 1, state, model).agent()
            for stage, state, model in zip(self.stages, self.states, self.models, strict=True)
        ]

    def commit(self) -> None:
        for agent, state, saved in zip(self.agents, self.states, self.saved, strict=True):
            agent.save()
            store, changes = MemoryStore(saved), state.changes()
            for patches in changes.patches:
                store.patch({key: patch or b"" for key, patch in patches.decode().items()})
            store.update(changes)
            saved.clear()
            saved.update(store.beginning(""))

    def take(self, records: list[Message]) -> None:
        """A batch through both stages."""
        outputs = self.agents[0].process(Batch("cards", 0, records), {})
        self._note(0, outputs)
        if outputs.forwarded is None or not len(outputs.forwarded.operations):
            return
        if not self.by_kafka:
            self._note(1, self.agents[1].take(outputs.forwarded.operations, {}))
            return
        inner = [
            Message(
                topic=o.topic, partition=0, offset=0, key=o.key, value=o.value, timestamp=(1, 1)
            )
            for o in outgoing("inner", 0, outputs.forwarded.operations)
        ]
        self._note(1, self.agents[1].process(Batch(inner[0].topic() or "", 0, inner), {}))

    def _note(self, stage: int, outputs: Outputs) -> None:
        self.predictions += outputs.predictions
        self.others += outputs.others
        self.letters[stage] += outputs.dead_letters

    def came_out(self) -> tuple[Any, ...]:
        """Everything; alerts and metrics each in their order, dead letters of a stage in any."""
        by_topic = [[o for o in self.others if o.topic == t] for t in ("alerts", "metrics")]
        letters = [sorted(map(repr, each)) for each in self.letters]
        models = [model.fingerprint() for model in self.models]
        saved = [{k: v for k, v in each.items() if k != "frozen"} for each in self.saved]
        return self.predictions, by_topic, letters, saved, models, self._frozen()

    def _frozen(self) -> tuple[int, str]:
        """The frozen model; one that needs pickle is not equal by its bytes."""
        start, snapshot = msgpack.unpackb(self.saved[-1]["frozen"])
        return start, snapshots.load(snapshot, self.new_model())[0].fingerprint()


def one_by_one(records: list[Message]) -> Iterator[tuple[list[Message], bool, bool]]:
    """Each record is a batch; there is a commit and a restore after each."""
    for record in records:
        yield [record], True, True


def cut_at_random(seed: int) -> Callable[..., Iterator[tuple[list[Message], bool, bool]]]:
    """Batches of any size, commits and restores now and then."""

    def cut(records: list[Message]) -> Iterator[tuple[list[Message], bool, bool]]:
        draw, at = random.Random(seed), 0
        while at < len(records):
            size = draw.choice([1, 2, 5, 30, 200])
            commits = draw.random() < 0.6
            yield records[at : at + size], commits, commits and draw.random() < 0.5
            at += size

    return cut


def run(pipeline: Pipeline, records: list[Message], cut: Any, *, by_kafka: bool) -> Run:
    made = Run(pipeline, by_kafka)
    for some, commits, restores in cut(records):
        made.take(some)
        if commits:
            made.commit()
        if restores:
            made.restore()
    made.commit()
    return made


@pytest.mark.parametrize(
    ("learner", "features", "rule_name", "reasons"),
    [
        ("logistic_regression", FEATURES, "rules", 3),
        ("logistic_regression", "", "rule", 2),
        ("river.naive_bayes.GaussianNB", FEATURES, "rule", 0),
    ],
)
def test_where_batches_end_changes_nothing(
    tmp_path: Path, learner: str, features: str, rule_name: str, reasons: int
) -> None:
    file = tmp_path / "p.toml"
    text = FILE.replace("HERE", __name__).replace("FEATURES", features).replace("LEARNER", learner)
    file.write_text(text.replace("REASONS", str(reasons)).replace(":RULE", f":{rule_name}"))
    pipeline, records = load_pipeline(file, environ={}), stream(3)
    whole = run(pipeline, records, lambda all_: [(all_, False, False)], by_kafka=False)
    assert len(whole.predictions) > 80
    assert whole.models[-1].learned > 20
    assert len(whole.others) > 10
    assert min(map(len, whole.letters)) > 4
    cuts = [(one_by_one, True)]
    cuts += [(cut_at_random(seed), by_kafka) for seed in range(2) for by_kafka in (False, True)]
    for cut, by_kafka in cuts:
        other = run(pipeline, records, cut, by_kafka=by_kafka)
        for got, wanted in zip(other.came_out(), whole.came_out(), strict=True):
            assert got == wanted
