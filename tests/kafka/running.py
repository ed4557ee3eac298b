"""Whole pipelines for the tests with a broker: events in, workers, and what came out."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from app.kafka.admin import ensure_topics
from app.kafka.clients import restore_consumer
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline, load_pipeline
from app.pipeline.models import new_model
from app.pipeline.stages import stages
from app.worker.state.layout import MODEL
from app.worker.state.restore import Restored, Restorer
from learners import registry
from learners.model import UNLABELLED, Model
from learners.saved import snapshots
from tests.kafka import forked
from tests.kafka.support import create_topic, produce, read_committed

FEATURES = tuple(f"x{i}" for i in range(5))
OWN = ("drift", "steps")
"""Keys of a learner that are tables of their own."""


def restorer(pipeline: Pipeline, kafka: KafkaSettings) -> Restorer:
    """Of the last stage."""
    last = stages(pipeline)[-1]
    return Restorer(restore_consumer(pipeline, kafka), kafka.admin(), last.inputs, last.state_topic)


def restored(
    pipeline: Pipeline, kafka: KafkaSettings, partitions: Sequence[int]
) -> dict[int, Restored]:
    """The states of the last stage, by partition."""
    with closing(restorer(pipeline, kafka)) as made:
        return made.restore(partitions)


@dataclass(frozen=True)
class Stream:
    """A pipeline on a broker, and its events by partition.

    Attributes:
        bootstrap: Of the broker.
        file: The pipeline file.
        pipeline: What it says.
        events: For each partition, the events in order.
    """

    bootstrap: str
    file: Path
    pipeline: Pipeline
    events: list[list[dict[str, Any]]] = field(default_factory=list)

    @property
    def kafka(self) -> KafkaSettings:
        """The settings of the test's own clients."""
        return KafkaSettings(self.bootstrap, {})

    def send(self, partition: int, events: Sequence[dict[str, Any]]) -> None:
        """Append events to a partition."""
        values = [(str(e["id"]).encode(), json.dumps(e).encode()) for e in events]
        produce(self.bootstrap, self.pipeline.events.topic, values, partition)
        self.events[partition].extend(events)

    @property
    def count(self) -> int:
        """How many events were sent."""
        return sum(map(len, self.events))

    def predictions(self, within: float = 60.0) -> dict[tuple[int, int], dict[str, Any]]:
        """Every prediction by partition and offset of its event, once all are there.

        Fails where a prediction lacks or comes twice: nothing may follow the last one either.
        """
        topic = self.pipeline.predictions.topic
        read_committed(self.bootstrap, topic, self.count, within)
        records = read_committed(self.bootstrap, topic)
        said = [json.loads(record.value() or b"") for record in records]
        by_source = {(p["source"]["partition"], p["source"]["offset"]): p for p in said}
        assert len(said) == self.count, f"{len(said)} predictions of {self.count} events"
        assert len(by_source) == len(said), "a prediction came twice"
        return by_source

    def models(self) -> list[Model]:
        """The models on the state topic, by partition."""
        states = restored(self.pipeline, self.kafka, range(len(self.events)))
        return [
            self._model(states[partition].entries.get(MODEL) or b"")
            for partition in range(len(self.events))
        ]

    def _model(self, snapshot: bytes) -> Model:
        return snapshots.load(snapshot, new_model(self.pipeline))[0]


def pipeline_file(
    folder: Path,
    name: str,
    learner: Mapping[str, Any],
    partitions: int,
    **tables: Mapping[str, Any],
) -> Path:
    """A pipeline file for synthetic events."""
    worker = {"commit_interval": "50ms", **tables.get("worker", {})}
    events = {
        "topic": f"{name}.events.v1",
        "id": "id",
        "label": "y",
        **tables.get("events", {}),
    }
    said = {
        "events": events,
        "predictions": {"topic": f"{name}.predictions.v1"},
        "learner": {key: value for key, value in learner.items() if key not in OWN},
        "learner.drift": learner.get("drift", {}),
        "topics": {"partitions": partitions},
        "worker": worker,
        **{name: keys for name, keys in tables.items() if name not in ("worker", "events")},
    }
    lines = [f'name = "{name}"']
    for table, keys in said.items():
        if keys:
            lines += [
                f"[{table}]",
                *(f"{key} = {json.dumps(value)}" for key, value in keys.items()),
            ]
    for step in learner.get("steps", ()):
        lines += ["[[learner.steps]]", *(f"{k} = {json.dumps(v)}" for k, v in step.items())]
    path = folder / f"{name}.toml"
    path.write_text("\n".join(lines))
    return path


def stream(
    bootstrap: str,
    folder: Path,
    name: str,
    learner: Mapping[str, Any],
    partitions: int = 1,
    **tables: Mapping[str, Any],
) -> Stream:
    """A pipeline with its topics, without events yet."""
    file = pipeline_file(folder, name, learner, partitions, **tables)
    pipeline = load_pipeline(file)
    create_topic(bootstrap, pipeline.events.topic, partitions, max_message_bytes="20000000")
    ensure_topics(pipeline, KafkaSettings(bootstrap, {}))
    return Stream(bootstrap, file, pipeline, [[] for _ in range(partitions)])


def synthetic(seed: int, count: int) -> list[dict[str, Any]]:
    """Events of two classes that a line parts, with some noise."""
    draw = random.Random(seed)
    events = []
    for i in range(count):
        x = {name: draw.gauss(0.0, 1.0) for name in FEATURES}
        y = x["x0"] - 0.5 * x["x1"] + draw.gauss(0.0, 0.3) > 0
        events.append({"id": f"{seed}-{i}", "y": y, **x})
    return events


def bare_loop(
    learner: Mapping[str, Any], events: Sequence[dict[str, Any]]
) -> tuple[list[tuple[Any, Any]], Model]:
    """Predictions, scores and the model of a hand-written loop: predict one, learn one."""
    params = {k: v for k, v in learner.items() if k not in ("type", "scale", *OWN)}
    scale, drift = learner.get("scale", False), learner.get("drift")
    model = registry.create(learner["type"], params, scale, drift, learner.get("steps", ()))
    said = []
    for event in events:
        x = {k: v for k, v in event.items() if k not in ("id", "y")}
        said.append((model.predict_one(x), model.score(x)))
        if event.get("y", UNLABELLED) is not UNLABELLED:
            model.learn_one(x, event["y"])
    return said, model


def assert_equal_to_bare_loop(stream: Stream, learner: Mapping[str, Any]) -> None:
    """The predictions and the models are those of a bare loop over each partition."""
    predictions, models = stream.predictions(), stream.models()
    for partition, events in enumerate(stream.events):
        said, model = bare_loop(learner, events)
        for offset, (event, (prediction, score)) in enumerate(zip(events, said, strict=True)):
            got = predictions[partition, offset]
            assert got["id"] == event["id"]
            assert (got["prediction"], got["score"]) == (prediction, score)
            assert got["model"]["version"] == offset
        assert models[partition].fingerprint() == model.fingerprint()


class WorkerProcess:
    """A worker in a process of its own, as ``riverrun worker FILE`` starts it."""

    module: Sequence[str] = ("app",)
    environ: Mapping[str, str] = MappingProxyType({})

    def __init__(self, stream: Stream, name: str | None = None, **settings: str) -> None:
        self._arguments = [
            *("worker", str(stream.file)),
            *("--bootstrap-servers", stream.bootstrap),
            *(arg for key, value in settings.items() for arg in ("--set", f"{key}={value}")),
            *(("--set", f"worker.name={name}") if name else ()),
        ]
        self._log = (stream.file.parent / f"worker-{name or id(self)}.log").open("ab")
        self.start()

    def start(self) -> None:
        """Start, or start again after it ended."""
        self.process = forked.start([*self.module, *self._arguments], self._log, self.environ)

    def forget_log(self) -> None:
        """Empty the log."""
        self._log.truncate(0)

    def kill(self) -> None:
        """Kill -9."""
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """SIGSTOP."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self, within: float = 30.0) -> int:
        """SIGTERM; gives the exit code."""
        self.process.terminate()
        return self.process.wait(within)

    def close(self) -> None:
        """End it, whatever it does."""
        if self.process.poll() is None:
            self.resume()
            self.kill()
        self._log.close()

    @property
    def log(self) -> str:
        """All that it wrote."""
        return Path(self._log.name).read_text()


@contextmanager
def workers(stream: Stream, *names: str | None, **settings: str) -> Iterator[list[WorkerProcess]]:
    """Workers that are gone at the end, whatever happens; their logs are shown on a failure."""
    started = [WorkerProcess(stream, name, **settings) for name in names]
    try:
        yield started
    except BaseException:
        for worker in started:
            print(f"--- {worker._log.name}\n{worker.log[-4000:]}")
        raise
    finally:
        for worker in started:
            worker.close()


def wait_until(condition: Any, within: float = 60.0, what: str = "the condition") -> None:
    """Poll a condition."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come within {within} s"
        time.sleep(0.05)
