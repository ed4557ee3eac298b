"""What must come out: a plain loop over the input, through the agents and without Kafka.

One record after another, in the order in which the pipeline promises to take them. There is no
broker, no batch, no commit and no restore in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from confluent_kafka import Message, murmur2

from agents.agent import Agent
from agents.errors import LearnRefused, Refusal
from agents.forwarded import Forwarded
from agents.outputs import Outputs
from agents.state import State
from agents.store import MemoryStore
from app.pipeline.load import Pipeline
from app.pipeline.stages import Stage, stages
from app.worker.agent_builder import AgentBuilder
from learners import registry
from learners.model import Model
from topics.codecs import Codec
from topics.records import Batch, Outgoing, Prediction

Place = tuple[int, int]
"""Partition and offset of an event."""


@dataclass
class Expected:
    """What must come out.

    Attributes:
        predictions: Key and value by the place of the event, in the order of the loop.
        group: For each of them the partition of the last stage, which keeps its order.
        letters: Dead letters.
        alerts: Key and value of each.
        fingerprints: Of the models, by partition.
        learned: Events that the models have learned, together.
        states: What each stage remembers, by partition, without models and positions.
    """

    predictions: dict[Place, tuple[Any, bytes]] = field(default_factory=dict)
    group: dict[Place, int] = field(default_factory=dict)
    letters: list[Outgoing] = field(default_factory=list)
    alerts: list[tuple[Any, Any]] = field(default_factory=list)
    fingerprints: dict[int, str] = field(default_factory=dict)
    learned: int = 0
    states: list[dict[int, dict[str, bytes]]] = field(default_factory=list)


def reference(pipeline: Pipeline, partitions: int, sent: Iterable[Message]) -> Expected:
    """The outputs and models of an undisturbed loop over these records."""
    records = in_order(pipeline, sent)
    refused: dict[Refusal, Exception] = {}
    while True:
        loop = _Loop(pipeline, partitions, refused)
        try:
            for place, record in enumerate(records):
                loop.take(record, place)
            return loop.end()
        except LearnRefused as error:
            # The learner is half changed: all begins anew, and this one is set aside.
            refused[error.refusal] = error.cause


def in_order(pipeline: Pipeline, sent: Iterable[Message]) -> list[Message]:
    """Labels before events and smaller partitions first, within a millisecond."""
    inputs = stages(pipeline)[0].inputs
    rank = {topic: -n for n, topic in enumerate(inputs)}

    def turn(record: Message) -> tuple[int, int, int, int]:
        partition, offset = record.partition() or 0, record.offset() or 0
        merged = len(stages(pipeline)) > 1 or len(inputs) > 1
        return (
            record.timestamp()[1] if merged else 0,
            rank[record.topic() or ""],
            partition,
            offset,
        )

    return sorted(sent, key=turn)


class _Loop:
    def __init__(
        self, pipeline: Pipeline, partitions: int, refused: dict[Refusal, Exception]
    ) -> None:
        self._pipeline = pipeline
        self._partitions = partitions
        self._refused = refused
        self._stages = stages(pipeline)
        self._states: dict[tuple[int, int], State] = {}
        self._agents: dict[tuple[int, int], Agent] = {}
        for number, stage in enumerate(self._stages):
            for partition in range(partitions):
                self._agents[number, partition] = self._agent(number, stage, partition)
        self._expected = Expected()

    def _agent(self, number: int, stage: Stage, partition: int) -> Agent:
        state = self._states[number, partition] = State(MemoryStore())
        model = new_model(self._pipeline)
        maker = AgentBuilder(self._pipeline, stage, partition, self._partitions, state, model)
        return maker.agent()

    def take(self, record: Message, place: int) -> None:
        """One record of the input."""
        topic, partition = self._stages[0].inputs[0], record.partition() or 0
        batch = Batch(topic, partition, [record], places=[place])
        outputs = self._agents[0, partition].process(batch, self._refused)
        self._note(0, partition, outputs)

    def _note(self, number: int, partition: int, outputs: Outputs) -> None:
        expected = self._expected
        expected.letters += outputs.dead_letters
        for key, value in outputs.predictions:
            event = source(value)
            expected.predictions[event] = key, value
            expected.group[event] = partition
        alerts = self._pipeline.decisions.topic
        expected.alerts += [(o.key, o.value) for o in outputs.others if o.topic == alerts]
        if outputs.forwarded is not None:
            self._forward(number + 1, outputs.forwarded)

    def _forward(self, number: int, forwarded: Forwarded) -> None:
        """One operation after another."""
        for i, key in enumerate(forwarded.keys):
            to = murmur2(key.encode(), self._partitions)
            one = forwarded.operations.take(np.array([i]))
            self._note(number, to, self._agents[number, to].take(one, self._refused))

    def end(self) -> Expected:
        """All that came out, and what is remembered."""
        expected, last = self._expected, len(self._stages) - 1
        found: defaultdict[int, dict[int, dict[str, bytes]]] = defaultdict(dict)
        for (number, partition), agent in self._agents.items():
            agent.save()
            state = self._states[number, partition]
            found[number][partition] = {key: state.get(key) or b"" for key in state}
            if number == last and agent.model is not None and agent.model.learned:
                expected.fingerprints[partition] = agent.model.fingerprint()
                expected.learned += agent.model.learned
        expected.states = [found[number] for number in sorted(found)]
        return expected


def new_model(pipeline: Pipeline) -> Model:
    """A model that has learned nothing."""
    learner = pipeline.learner
    return registry.create(
        learner.type, learner.params, learner.scale, learner.drift, learner.tables
    )


_decode: Callable[[bytes], Prediction] = Codec("json").decoder(Prediction)


def source(value: bytes) -> Place:
    """The place of the event that a prediction is for."""
    said = _decode(value)
    return said.source.partition, said.source.offset
