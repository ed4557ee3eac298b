"""Workers of a pipeline, measured and killed until all is consumed; and what they left on Kafka."""

from __future__ import annotations

import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import msgspec

from app.kafka.reading import Reader, reading
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from app.pipeline.stages import stages
from app.pipeline.topics import codec_of
from app.worker.state.layout import Row
from app.worker.state.reader import entries
from benchmarks.contenders import running, worker_command

SECONDS = 1800.0
"""A run that takes longer is given up."""
_POLL_SECONDS = 0.1
_LEAVES = 3
"""So many times a worker may leave with 1 and be started again, as its supervisor would do."""
_MEGABYTE = 1_000_000


class Workers:
    """The worker processes of one run.

    Args:
        file: Of the pipeline.
        pipeline: As it is with `settings`.
        kafka: Reaches the cluster.
        settings: `key=value`, above the file.
        count: How many processes; each has a name, so that one that was killed is let in at once.
        checkout: Whose worker it is, if not this one's.
        log: Takes what they say, if they shall say much.
    """

    def __init__(
        self,
        file: Path,
        pipeline: Pipeline,
        kafka: KafkaSettings,
        settings: Sequence[str],
        count: int,
        checkout: Path | None = None,
        log: IO[bytes] | None = None,
    ) -> None:
        self._start = partial(running, checkout=checkout, log=log)
        self._pipeline = pipeline
        self._kafka = kafka
        level = "info" if log else "warning"
        names = (f"worker.name={pipeline.name}-{n}" for n in range(count))
        self._commands = [
            worker_command(file, kafka.bootstrap_servers, *settings, name, level=level)
            for name in names
        ]
        self._stages = stages(pipeline)
        self.seconds = 0.0
        self.killed = 0
        self.left = 0
        self.peak_rss_mb: int | None = None

    def run(self, kills: int = 0) -> None:
        """From the start of the first worker until nothing is left to be read.

        The first worker is killed each time that a further share of the events is done.

        Raises:
            TimeoutError: When it takes more than `SECONDS`.
            RuntimeError: When a worker ends with another code than 1, or again and again.
        """
        started = time.monotonic()
        waiting = [(n + 1) / (kills + 1) for n in range(kills)]
        with ExitStack() as stack, reading(self._pipeline, self._kafka) as reader:
            processes = [stack.enter_context(self._start(command)) for command in self._commands]
            ends = {topic: reader.ends(topic) for topic in self._stages[0].inputs}
            while (share := self._share(reader, ends)) < 1 or self._inner_left(reader):
                self._look_at(processes, stack)
                if waiting and share >= waiting[0]:
                    waiting.pop(0)
                    processes[0].kill()
                    processes[0].wait()
                    self.killed += 1
                    processes[0] = stack.enter_context(self._start(self._commands[0]))
                if time.monotonic() - started > SECONDS:
                    raise TimeoutError(f"{share:.0%} of the input is done after {SECONDS:.0f} s")
                time.sleep(_POLL_SECONDS)
            self._look_at(processes, stack)
            self.seconds = time.monotonic() - started

    def _look_at(self, processes: list[subprocess.Popen[bytes]], stack: ExitStack) -> None:
        for n, process in enumerate(processes):
            if (code := process.poll()) is not None:
                self.left += 1
                if code != 1 or self.left > _LEAVES:
                    raise RuntimeError(f"a worker ended with {code}")
                processes[n] = stack.enter_context(self._start(self._commands[n]))
            peak = _peak_rss_mb(process.pid)
            if peak is not None:
                self.peak_rss_mb = max(peak, self.peak_rss_mb or 0)

    def _share(self, reader: Reader, ends: dict[str, dict[int, int]]) -> float:
        """How much of the events and labels is consumed and committed."""
        done = sum(
            min(offset or 0, ends[topic][partition])
            for topic in ends
            for partition, offset in reader.committed(topic).items()
        )
        return done / sum(end for partitions in ends.values() for end in partitions.values())

    def _inner_left(self, reader: Reader) -> bool:
        """Whether the later stages have anything to do yet."""
        topics = [topic for stage in self._stages[1:] for topic in stage.inputs]
        return any(self._left(reader, topic) for topic in topics)

    def _left(self, reader: Reader, topic: str) -> bool:
        start = {partition: offset or 0 for partition, offset in reader.committed(topic).items()}
        records = reader.read(topic, start)
        left = next(records, None) is not None
        records.close()  # type: ignore[attr-defined]
        return left


@dataclass(frozen=True)
class Predicted:
    """All predictions of a pipeline: the first score of each id, and how many came again."""

    scores: dict[str, float]
    doubled: int
    dead_letters: int


class _Prediction(msgspec.Struct):
    id: str
    score: float | None


def said(pipeline: Pipeline, kafka: KafkaSettings) -> Predicted:
    """Read the predictions."""
    codec = codec_of(pipeline, "predictions")
    decode: Callable[[bytes], _Prediction] = codec.decoder(_Prediction)
    scores: dict[str, float] = {}
    count = 0
    with reading(pipeline, kafka) as reader:
        for record in reader.read(pipeline.predictions.topic):
            prediction = decode(record.value())
            count += 1
            scores.setdefault(prediction.id, prediction.score or 0.0)
        letters = sum(1 for _ in reader.read(pipeline.dead_letter_topic))
    return Predicted(scores, count - len(scores), letters)


def state(pipeline: Pipeline, kafka: KafkaSettings) -> dict[str, Any]:
    """What the state topics hold, all stages together.

    `state_topic_mb` is what lies there now, compacted or not; `state_mb` what a restore gives,
    in `state_entries`, whose names are the first parts of their keys.
    """
    on_topic, whole, kinds = 0, 0, Counter[str]()
    with reading(pipeline, kafka) as reader:
        for stage in stages(pipeline):
            raw: defaultdict[int, list[Row]] = defaultdict(list)
            for record in reader.read(stage.state_topic):
                key, value = record.key(), record.value()
                on_topic += len(key) + len(value or b"")
                raw[record.partition() or 0].append((key, value))
            for rows in raw.values():
                found = entries(rows)
                whole += sum(len(key.encode()) + len(value) for key, value in found.items())
                kinds.update(key.partition("/")[0] for key in found)
    return {
        "state_topic_mb": round(on_topic / _MEGABYTE, 1),
        "state_mb": round(whole / _MEGABYTE, 1),
        "state_entries": dict(sorted(kinds.items())),
    }


def _peak_rss_mb(pid: int) -> int | None:
    """The most memory that a process has had so far; None where the system does not say."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(found[0]) * 1024 // _MEGABYTE if found else None
