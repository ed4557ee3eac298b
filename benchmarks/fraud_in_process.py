"""The fraud pipeline without Kafka: the agents of its stages one after another, in this process.

python -m benchmarks.fraud_in_process [--protocol frozen] [--set learner.learning_rate=0.05]

It gives the scores that one partition on Kafka gives, and says what the work itself costs.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from operator import methodcaller
from typing import Any, NamedTuple

from agents.agent import Agent
from agents.outputs import Outputs
from agents.state import State
from app.fraud.transactions import Transactions
from app.pipeline.load import Pipeline, load_pipeline
from app.pipeline.stages import stages
from app.pipeline.topics import codec_of
from app.replay.records import Encoded, channels, records
from app.worker.agent_builder import AgentBuilder
from app.worker.garbage import collect_seldom
from benchmarks.fraud import FILE, Trial, parsed, source, verdict
from benchmarks.fraud_protocol import Row, Yardstick
from learners import registry
from topics.records import Batch, Outgoing, Record

BATCH = 5000


class Kept(NamedTuple):
    """A record in memory; its methods are those of a record that came from Kafka."""

    of: tuple[str, int, bytes | None, bytes | None, int, Any]

    def topic(self) -> str:
        return self.of[0]

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.of[1]

    def key(self) -> bytes | None:
        return self.of[2]

    def value(self) -> bytes | None:
        return self.of[3]

    def timestamp(self) -> tuple[int, int]:
        return 1, self.of[4]

    def headers(self) -> Any:
        return self.of[5]


class InProcess:
    """All stages of a pipeline with one partition.

    Attributes:
        states: Of each stage.
        scores: By the ids of the events.
        dead_letters: What was set aside.
        seconds: That each stage has worked.
        cpu: Seconds of CPU time that each stage has taken.
        predictions: All that was said, as it would be on Kafka; empty unless it is to be kept.
    """

    def __init__(self, pipeline: Pipeline, *, keep: bool = False) -> None:
        self.stages = stages(pipeline)
        self.states = [State() for _ in self.stages]
        self.scores: dict[str, float] = {}
        self.dead_letters: list[Outgoing] = []
        self.predictions: list[bytes] = []
        self._keep = keep
        self.seconds = [0.0 for _ in self.stages]
        self.cpu = [0.0 for _ in self.stages]
        codec = codec_of(pipeline, "predictions")
        self._decode: Callable[[bytes], dict[str, Any]] = codec.decoder(dict[str, Any])
        self._offsets = Counter[str]()
        self._agents = []
        for stage, state in zip(self.stages, self.states, strict=True):
            model = registry.from_spec(pipeline.learner.spec)
            self._agents.append(AgentBuilder(pipeline, stage, 0, 1, state, model).agent())

    def run(self, sent: Iterable[Encoded]) -> None:
        """Let records go through, in batches, each as one commit."""
        waiting = iter(sent)
        while some := list(islice(waiting, BATCH)):
            batch: Sequence[Record] = [
                self._kept(r.topic, r.key, r.value, r.timestamp) for r in some
            ]
            came = Batch(self.stages[0].inputs[0], 0, batch)
            outputs = self._process(0, methodcaller("process", came, {}))
            for number in range(1, len(self.stages)):
                if outputs.forwarded is None or not len(outputs.forwarded.operations):
                    break
                given = outputs.forwarded.operations
                outputs = self._process(number, methodcaller("take", given, {}))
            for _, value in outputs.predictions:
                prediction = self._decode(value)
                self.scores[prediction["id"]] = prediction["score"]
            if self._keep:
                self.predictions += [value for _, value in outputs.predictions]

    def _process(self, number: int, work: Callable[[Agent], Outputs]) -> Outputs:
        started, used = time.perf_counter(), time.process_time()
        agent = self._agents[number]
        outputs = work(agent)
        agent.save()
        self.states[number].changes()
        self.seconds[number] += time.perf_counter() - started
        self.cpu[number] += time.process_time() - used
        self.dead_letters += outputs.dead_letters
        return outputs

    def _kept(
        self, topic: str, key: bytes | None, value: bytes | None, when: int, headers: Any = None
    ) -> Kept:
        offset = self._offsets[topic]
        self._offsets[topic] += 1
        return Kept((topic, offset, key, value, when, headers))


def through_memory(trial: Trial, data: Transactions) -> tuple[Row, InProcess]:
    """Figures of a run, and the stages as they are at its end."""
    pipeline = load_pipeline(FILE, trial.overrides(), {})
    history = source(data, trial)
    made = InProcess(pipeline)
    made.run(records(history, history.read(), channels(pipeline, history)))
    kinds = Counter(key.partition("/")[0] for state in made.states for key in state)
    row = {
        "events": len(made.scores),
        "dead_letters": len(made.dead_letters),
        "seconds_of_stages": [round(seconds, 1) for seconds in made.seconds],
        "cpu_us_an_event": [round(1e6 * cpu / len(made.scores), 1) for cpu in made.cpu],
        "state_mb": round(_bytes(made.states) / 1e6, 1),
        "state_entries": dict(sorted(kinds.items())),
    }
    return row, made


def _bytes(states: Iterable[State]) -> int:
    return sum(len(key.encode()) + len(state.get(key) or b"") for state in states for key in state)


def main(arguments: list[str]) -> None:
    """One trial as the options want it, beside the references."""
    options = parsed(arguments, __doc__)
    yardstick = Yardstick(options.trial.size, options.trial.first)
    for row in () if options.alone else yardstick.references():
        print(json.dumps(row), flush=True)
    collect_seldom()  # as a worker does
    figures, made = through_memory(options.trial, yardstick.data)
    name = f"riverrun, {options.trial.protocol}, in process"
    row = verdict(name, options.trial, yardstick, made.scores) | figures
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
