"""The same events give the same bits through a plain pipeline and through one with more in it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Message

from agents.agent import Agent
from agents.outputs import Outputs
from agents.state import State
from app.pipeline.load import Pipeline
from app.pipeline.stages import stages
from app.worker.agent_builder import AgentBuilder
from learners import registry
from learners.model import Model
from tests.app.pipeline_files import read
from topics.dead_letters import reason
from topics.records import Batch

PLAIN = """\
name = "p"
[events]
topic = "e"
format = "FORMAT"
id = "id"
key = "card"
features = ["a", "b"]
label = "y"
[predictions]
topic = "p"
format = "FORMAT"
[learner]
type = "LEARNER"
"""
LATE = (
    PLAIN.replace('label = "y"\n', "")
    + '[labels]\ntopic = "l"\nformat = "FORMAT"\nid = "id"\nlabel = "y"\n'
)
MORE = {
    "metrics": PLAIN + '[metrics]\ntopic = "m"\n',
    "another stage": PLAIN + '[[entities]]\nfield = "shop"\nfeatures = ["count"]\n',
    "late labels": LATE,
    "late labels keyed by the id": LATE.replace('topic = "l"', 'topic = "l"\nkey = "id"'),
    "late labels keyed by the id and another stage": LATE.replace(
        'topic = "l"', 'topic = "l"\nkey = "id"'
    )
    + '[[entities]]\nfield = "shop"\nfeatures = ["count"]\n',
    "late labels and another stage": LATE + '[[entities]]\nfield = "shop"\nfeatures = ["count"]\n',
}
"""What goes beside the plain pipeline: no feature of it depends on what is added."""
FAULTS: list[dict[str, Any]] = [
    {"id": None}, {"id": [1]}, {"a": "text"}, {"b": None}, {"a": 1e400}, {"id": 2**64},
]  # fmt: skip


class Line:
    """The agents of all stages, one partition each."""

    def __init__(self, pipeline: Pipeline) -> None:
        learner = pipeline.learner
        model = registry.create(learner.type, learner.params)
        self.agents: list[Agent] = [
            AgentBuilder(pipeline, stage, 0, 1, State(), model).agent()
            for stage in stages(pipeline)
        ]
        self.model: Model = model
        self.predictions: list[tuple[bytes | None, bytes]] = []
        self.rejected: set[Any] = set()

    def run(self, batches: Iterable[Sequence[Any]]) -> None:
        first, *later = self.agents
        for records in batches:
            outputs = self._noted(first.process(Batch("e", 0, records)))
            for agent in later:
                assert outputs.forwarded is not None
                outputs = self._noted(agent.take(outputs.forwarded.operations))

    def _noted(self, outputs: Outputs) -> Outputs:
        self.predictions += outputs.predictions
        for letter in outputs.dead_letters:
            why = reason(letter.headers or [])
            self.rejected.add((letter.key, why.offset, why.stage, why.message))
        return outputs


def events(draw: random.Random, count: int) -> Iterator[dict[str, Any]]:
    """Most of them are good; the others have one fault."""
    for i in range(count):
        event = {"id": draw.choice([i, f"event-{i}"]), "y": draw.random() < 0.4}
        event |= {"shop": f"s{i % 7}", "a": draw.gauss(0, 1), "b": draw.randrange(-9, 9)}
        if draw.random() < 0.2:
            event |= draw.choice(FAULTS)
        yield event


def records(seed: str, format_: str, count: int, *, late: bool) -> Iterator[list[Any]]:
    """In batches; where labels are late each comes right after its event."""
    encode = msgspec.json.encode if format_ == "json" else msgspec.msgpack.encode
    batch, size, sizes = [], 1, random.Random(seed)
    for i, event in enumerate(events(random.Random(seed), count)):
        label = {"id": event["id"], "y": event.pop("y") if late else event["y"]}
        topics = {"e": event, "l": label} if late else {"e": event}
        for topic, value in topics.items():
            try:
                encoded = encode(value)
            except OverflowError:
                encoded = msgspec.json.encode(value)
            batch.append(
                Message(
                    topic=topic, partition=0, offset=i, key=b"k%d" % i,
                    value=encoded, timestamp=(1, 1_000 + i),
                )
            )  # fmt: skip
        if len(batch) >= size:
            yield batch
            batch, size = [], sizes.randrange(1, 90)
    if batch:
        yield batch


@pytest.mark.parametrize("learner", ["passive_aggressive", "river.linear_model.Perceptron"])
@pytest.mark.parametrize("format_", ["json", "msgpack"])
@pytest.mark.parametrize("more", MORE)
def test_what_is_added_to_a_pipeline_changes_no_bit_of_the_rest(
    tmp_path: Path, more: str, format_: str, learner: str
) -> None:
    lines = []
    for text in (PLAIN, MORE[more]):
        for name, value in (("FORMAT", format_), ("LEARNER", learner)):
            text = text.replace(name, value)
        line, late = Line(read(tmp_path, text)), text.count("[labels]") > 0
        line.run(records(f"{format_}{learner}", format_, 600, late=late))
        lines.append(line)
    plain, other = lines
    assert len(plain.predictions) > 400
    assert other.predictions == plain.predictions
    assert other.model.fingerprint() == plain.model.fingerprint()
    assert other.rejected == plain.rejected
    assert len(plain.rejected) > 50
