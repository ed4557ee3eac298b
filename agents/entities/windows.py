"""Windows of event time, made of buckets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.errors import AgentError
from topics.times import DAY

MOST = 512
"""Buckets of one entity."""
PARTS = 6
"""What is left out or too much of a window, by default: a sixth."""
SPARE = 1
"""Buckets that an event may be late without a loss."""

_SECOND, _MINUTE, _HOUR = 1_000, 60_000, 3_600_000
UNITS = (("d", DAY), ("h", _HOUR), ("m", _MINUTE), ("s", _SECOND), ("ms", 1))
ROUND = (
    *(n * _SECOND for n in (1, 5, 10, 30)),
    *(n * _MINUTE for n in (1, 5, 10, 30)),
    *(n * _HOUR for n in (1, 6)),
    *(n * DAY for n in (1, 7)),
)
"""Lengths of a bucket to choose from, in milliseconds."""


class WrongWindows(AgentError, ValueError):
    """Windows that cannot be made of buckets: the setting that is wrong, and what is."""

    def __init__(self, key: str, what: str) -> None:
        super().__init__(f"{key}: {what}")
        self.key = key
        self.what = what


@dataclass(frozen=True, slots=True)
class Windows:
    """How windows are made of buckets, which begin at whole multiples of their length (UTC).

    A window covers the bucket in which (time - delay) lies and the `spans` buckets before it:
    at least its own length, at most one bucket more. Counting daily instead of exactly costs a
    fraud model nothing (app/fraud/features.py), and gives each entity a fixed size.

    Attributes:
        bucket: Its length in milliseconds.
        delay: In milliseconds.
        spans: Of each window: the whole buckets before the one that it ends in.
        ring: How many buckets of an entity are held, the newest of the stream as the last.
    """

    bucket: int
    delay: int
    spans: tuple[int, ...]
    ring: int

    @classmethod
    def of(cls, windows: Sequence[float], delay: float, bucket: float | None) -> Windows:
        """From seconds. Without a `bucket` it is a day where all windows are whole days, else
        the largest round length of at most a sixth of the shortest window; a larger one, up to
        the shortest window itself, where an entity would have more than `MOST` buckets.

        Raises WrongWindows.

        >>> [spelled(Windows.of([w], 0, None).bucket / 1000) for w in (86400, 3600, 30)]
        ['1d', '10m', '5s']
        """
        lengths = [_milliseconds("windows", window) for window in windows]
        shortest, wait = min(lengths), _milliseconds("delay", delay)
        if bucket is None:
            made = [cls._made(lengths, wait, b) for b in _candidates(lengths)]
            return next((w for w in made if w.ring <= MOST), made[-1])._bounded("windows")
        length = _milliseconds("bucket", bucket)
        if length > shortest:
            what = f"must be at most the shortest window, {spelled(shortest / 1000)}"
            raise WrongWindows("bucket", what)
        return cls._made(lengths, wait, length)._bounded("bucket")

    @classmethod
    def _made(cls, lengths: Sequence[int], delay: int, bucket: int) -> Windows:
        spans = tuple(-(-length // bucket) for length in lengths)
        return cls(bucket, delay, spans, 1 + max(spans) + -(-delay // bucket) + SPARE)

    def _bounded(self, key: str) -> Windows:
        if self.ring > MOST:
            what = (
                f"{self.ring:,} buckets of {spelled(self.bucket / 1000)} for each entity, of at "
                f"most {MOST}: take a longer bucket, or another table for the short windows"
            )
            raise WrongWindows(key, what)
        return self


def spelled(seconds: float) -> str:
    """A length of time in its largest whole unit: "7d", "36h", "90s"."""
    length = round(seconds * 1000)
    unit, size = next((unit, size) for unit, size in UNITS if length % size == 0)
    return f"{length // size}{unit}"


def _candidates(lengths: Sequence[int]) -> list[int]:
    shortest = min(lengths)
    most = shortest if all(length % DAY == 0 for length in lengths) else shortest // PARTS
    fitting = [b for b in ROUND if b <= shortest]
    first = max((b for b in fitting if b <= min(most, DAY)), default=min(shortest, ROUND[0]))
    return [first, *(b for b in fitting if b > first)]


def _milliseconds(key: str, seconds: float) -> int:
    length = round(seconds * 1000)
    if abs(length - seconds * 1000) > 1e-6 * max(1.0, seconds) or (length == 0 and seconds > 0):
        raise WrongWindows(key, "must be whole milliseconds")
    return length
