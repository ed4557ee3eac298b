"""What can be mixed exactly: running means and variances, histograms, centres of mass."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from learners.errors import LearnerError


class Moments(NamedTuple):
    """Of one feature: how many values, their mean, and the sum of squared distances to it."""

    number: float = 0.0
    mean: float = 0.0
    squares: float = 0.0

    def with_more(self, other: Moments) -> Moments:
        """Of both together (Chan, Golub, LeVeque 1979)."""
        count = self.number + other.number
        if not other.number:
            return self
        apart = other.mean - self.mean
        mean = self.mean + apart * (other.number / count)
        squares = self.squares + other.squares + apart * apart * self.number * other.number / count
        return Moments(count, mean, squares)

    def since(self, base: Moments) -> Moments:
        """What came after `base`: with_more the other way round."""
        count = self.number - base.number
        if not count:
            return Moments()
        mean = base.mean + (self.mean - base.mean) * (self.number / count)
        apart = mean - base.mean
        between = apart * apart * base.number * count / self.number
        return Moments(count, mean, max(0.0, self.squares - base.squares - between))


def moments(mixed: Mapping[str, Moments], changes: Sequence[Mapping[str, Moments]]) -> dict[
    str, Moments
]:  # fmt: skip
    """The statistics of a scaler, with what each partition saw since the last mark."""
    result = dict(mixed)
    for change in changes:
        for name in sorted(change):
            result[name] = result.get(name, Moments()).with_more(change[name])
    return result


def moments_since(base: Mapping[str, Moments], now: Mapping[str, Moments]) -> dict[str, Moments]:
    """What a scaler saw since `base`; features without a new value are left out."""
    changes = {name: each.since(base.get(name, Moments())) for name, each in now.items()}
    return {name: change for name, change in changes.items() if change.number}


Buckets = Mapping[str, Mapping[int, int]]


def buckets(mixed: Buckets, changes: Sequence[Buckets]) -> dict[str, Mapping[int, int]]:
    """The histograms of quantile bins: feature -> bucket -> values in it, added up."""
    result: dict[str, Mapping[int, int]] = dict(mixed)
    for change in changes:
        for name in sorted(change):
            counts = dict(result.get(name, {}))
            for bucket in sorted(change[name]):
                counts[bucket] = counts.get(bucket, 0) + change[name][bucket]
            result[name] = counts
    return result


def buckets_since(base: Buckets, now: Buckets) -> dict[str, dict[int, int]]:
    """What histograms counted since `base`; features that are new, and those with new values."""
    changes = {}
    for name, counts in now.items():
        known = base.get(name, {})
        more = {b: n - known.get(b, 0) for b, n in counts.items() if n != known.get(b, 0)}
        if more or name not in base:
            changes[name] = more
    return changes


class Centre(NamedTuple):
    """A centre by its mass and the sum of the events in it, feature by feature."""

    mass: float
    sums: tuple[float, ...]

    def place(self) -> tuple[float, ...]:
        """Where it is; NaN without a mass."""
        return tuple(value / self.mass if self.mass else math.nan for value in self.sums)


def centres(mixed: Sequence[Centre], changes: Sequence[Sequence[Centre]]) -> list[Centre]:
    """k-means: masses and sums added, centre by centre. Raises LearnerError for other numbers
    of centres; before the first mix they are to be `matched`."""
    result = list(mixed)
    for change in changes:
        if len(change) != len(result):
            raise LearnerError(f"{len(change)} centres cannot be mixed with {len(result)}")
        for k, (old, new) in enumerate(zip(result, change, strict=True)):
            sums = tuple(a + b for a, b in zip(old.sums, new.sums, strict=True))
            result[k] = Centre(old.mass + new.mass, sums)
    return result


def matched(reference: Sequence[Centre], others: Sequence[Centre]) -> list[Centre]:
    """`others` in the order of the nearest of `reference`: the closest pair first, then the
    closest of what is left; of equal ones the first."""
    pairs = sorted(
        (_apart(a.place(), b.place()), i, j)
        for i, a in enumerate(reference)
        for j, b in enumerate(others)
    )
    place: dict[int, int] = {}
    for _, i, j in pairs:
        if i not in place and j not in place.values():
            place[i] = j
    return [others[place[i]] for i in range(len(reference))]


def _apart(a: Sequence[float], b: Sequence[float]) -> float:
    total = 0.0
    for x, y in zip(a, b, strict=True):
        total += (x - y) * (x - y)
    return total
