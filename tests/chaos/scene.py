"""What a part gets: a broker, a folder, choices, and the means to run a pipeline under a fault."""

from __future__ import annotations

import datetime
import random
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.chaos import cases
from tests.chaos.cases import Case
from tests.chaos.crew import Crew, crew
from tests.chaos.results import Row
from tests.chaos.traffic import Traffic
from tests.chaos.verdict import Measured, verdict
from tests.chaos.watcher import Watcher

AS_REFERENCE = "as the reference"


class Skipped(Exception):
    """A part that cannot run here; says why."""


@dataclass
class Scene:
    """The surroundings of one run of a part.

    Attributes:
        part: Its name.
        bootstrap: Of a broker that lives all the time.
        folder: An empty one.
        seed: Decides every choice.
        scale: How much of the full length: 0 is the short form, 1 the whole.
        rows: What came of it.
    """

    part: str
    bootstrap: str
    folder: Path
    seed: int
    scale: float
    rows: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)

    def many(self, short: int, full: int) -> int:
        """A number that grows with the scale."""
        return round(short + (full - short) * self.scale)

    def plain(self, **how: Any) -> Case:
        """See ``cases.plain``; on the scene's broker unless another is named."""
        return self._case(cases.plain, how)

    def rich(self, **how: Any) -> Case:
        """See ``cases.rich``."""
        return self._case(cases.rich, how)

    def _case(self, make: Callable[..., Case], how: dict[str, Any]) -> Case:
        name = f"{self.part}-{uuid.uuid4().hex[:8]}"
        bootstrap = how.pop("bootstrap", self.bootstrap)
        return make(bootstrap, self.folder, name, self.seed, **how)

    @contextmanager
    def running(
        self,
        case: Case,
        rate: float,
        *,
        settings: Mapping[str, str] = MappingProxyType({}),
        environ: Mapping[str, str] = MappingProxyType({}),
        through: str | None = None,
    ) -> Iterator[Running]:
        """Run a pipeline: a watcher, traffic at a rate, and a crew that is empty yet.

        Args:
            case: The pipeline.
            rate: Records a second.
            settings: Of the workers, above the file.
            environ: Of the workers, above that of the tests.
            through: The address by which workers reach the broker, where it is another.
        """
        pipeline = case.stream.pipeline
        topics = [pipeline.predictions.topic, pipeline.dead_letter_topic]
        topics += [pipeline.decisions.topic] if pipeline.decisions.topic else []
        watcher = Watcher(case.stream.bootstrap, topics, topics[0])
        traffic = Traffic(case, rate)
        often = {"worker.commit_interval": "30ms"}
        stream = replace(case.stream, bootstrap=through or case.stream.bootstrap)
        with crew(stream, {**often, **settings}, environ) as made:
            watcher.start()
            try:
                yield Running(self, case, traffic, watcher, made)
            finally:
                traffic.end()
                watcher.close()

    def tell(self, fault: str, runs: int, measured: Measured) -> None:
        """Note what came of a fault."""
        row = Row(
            part=self.part,
            fault=fault,
            runs=runs,
            events=measured.events,
            gap=round(measured.gap, 1),
            result=AS_REFERENCE,
            seed=self.seed,
            day=datetime.datetime.now(datetime.UTC).date().isoformat(),
        )
        self.rows.append(row)


@dataclass
class Running:
    """A pipeline that runs."""

    scene: Scene
    case: Case
    traffic: Traffic
    watcher: Watcher
    crew: Crew

    def verdict(self, fault: str, runs: int, **how: Any) -> Measured:
        """End the traffic, speak the verdict, note it; see ``verdict.verdict``."""
        sent = self.traffic.stop()
        measured = verdict(self.case, sent, self.watcher, self.crew, **how)
        self.scene.tell(fault, runs, measured)
        return measured
