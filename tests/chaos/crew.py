"""The workers of a part, and the supervisor that starts those again that have left."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.chaos.gauges import Gauge, gauge
from tests.kafka.running import Stream, WorkerProcess

SETTLED = 4.0
"""Seconds after which a worker that has partitions has filled its caches."""


class Member(WorkerProcess):
    """A worker of the crew.

    Attributes:
        supervised: Whether the supervisor starts it again.
    """

    def __init__(
        self,
        stream: Stream,
        name: str | None,
        settings: Mapping[str, str],
        environ: Mapping[str, str],
    ) -> None:
        self.supervised = True
        self._faults: tuple[str, ...] = ()
        self.ready_at: float | None = None
        self.environ = environ
        super().__init__(stream, name, **settings)

    def start(self, *faults: str) -> None:
        """Start, with faults of `tests.chaos.sabotage`."""
        self.module = ("tests.chaos.sabotage", *faults, "--") if faults else ("app",)
        self.ready_at = None
        self._read_from = len(self.log)
        super().start()

    @property
    def since_start(self) -> str:
        """What it wrote since it was started the last time."""
        return self.log[self._read_from :]

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def has_partitions(self) -> bool:
        """Whether it has been assigned partitions since it was started."""
        return "partitions [" in self.since_start

    def has(self, partitions: str) -> bool:
        """Whether these are what it had the last time: ``"[0, 1]"``."""
        said = self.since_start.rsplit("partitions ", 1)[-1]
        return said.startswith(f"{partitions}, ")

    def starts(self) -> bool:
        """Whether it has begun."""
        return "starting" in self.since_start

    def await_death(self, within: float = 120.0) -> int:
        """Its exit code."""
        return self.process.wait(within)


@dataclass
class Crew:
    """Workers by name.

    Attributes:
        stream: What they work on.
        settings: Of all of them.
        environ: Of all of them, over that of the tests.
        left: By exit code, how often one ended that nobody had ended.
        first: What the first settled worker used.
        samples: Times and megabytes of memory, by process.
    """

    stream: Stream
    settings: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)
    left: Counter[int] = field(default_factory=Counter)
    first: Gauge | None = None
    samples: dict[int, list[tuple[float, float]]] = field(default_factory=dict)

    @staticmethod
    def now() -> float:
        """Seconds of the steady clock."""
        return time.monotonic()

    def start(self, name: str | None) -> Member:
        """A new worker; without a name it is a dynamic member of the group."""
        member = Member(self.stream, name, self.settings, self.environ)
        self.members.append(member)
        return member

    def look(self) -> None:
        """Start again who has left; take the first gauge."""
        for member in self.members:
            code = member.process.poll()
            if code is None:
                self._gauge(member)
            elif member.supervised:
                self.left[code] += 1
                member.start()

    def _gauge(self, member: Member) -> None:
        if member.ready_at is None:
            member.ready_at = time.monotonic() if member.has_partitions() else None
        elif time.monotonic() - member.ready_at > SETTLED:
            found = gauge(member.process.pid)
            if found is not None:
                self.first = self.first or found
                of_it = self.samples.setdefault(member.process.pid, [])
                of_it.append((time.monotonic(), found.rss))

    def rest(self, seconds: float) -> None:
        """Let time go by, under supervision."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.look()
            time.sleep(min(0.2, left))

    def wait(self, condition: Callable[[], bool], what: str, within: float = 120.0) -> None:
        """Wait for something, under supervision."""
        deadline = time.monotonic() + within
        while not condition():
            self.look()
            assert time.monotonic() < deadline, f"{what} did not come within {within} s"
            time.sleep(0.1)

    def has_left(self, times: int) -> bool:
        """Whether workers have left with code 1 so often."""
        return self.left[1] >= times

    def kill(self, member: Member) -> None:
        """Kill -9, and start again."""
        member.kill()
        member.start()

    def dismiss(self, member: Member) -> int:
        """Stop for good; gives the exit code."""
        member.supervised = False
        self.members.remove(member)
        code = member.stop(60) if member.alive else member.process.wait()
        member.close()
        return code

    def gauges(self) -> list[Gauge]:
        """Of all that live."""
        found = [gauge(member.process.pid) for member in self.members if member.alive]
        return [one for one in found if one is not None]

    def logs(self) -> str:
        """The ends of all logs."""
        return "\n".join(f"--- {m._log.name}\n{m.log[-3000:]}" for m in self.members)

    def end(self) -> Sequence[int]:
        """Stop all that have not left by themselves; gives their exit codes."""
        self.look()
        for member in self.members:
            member.supervised = False
            member.process.terminate()
        return [member.process.wait(60) for member in self.members]

    def close(self) -> None:
        """End all, whatever they do."""
        for member in self.members:
            member.close()


@contextmanager
def crew(stream: Stream, settings: Mapping[str, str], environ: Mapping[str, str]) -> Iterator[Crew]:
    """A crew that is gone at the end; its logs are shown on a failure."""
    made = Crew(stream, settings, environ)
    try:
        yield made
    except BaseException:
        print(made.logs())
        raise
    finally:
        made.close()


def stopped_well(code: int) -> bool:
    """Whether a worker that was told to stop did so; before it had begun, the signal ends it."""
    return code in (0, -signal.SIGTERM)
