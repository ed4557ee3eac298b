"""The marks of all partitions, and the models that follow from them."""

from __future__ import annotations

from dataclasses import dataclass

from agents.errors import AgentError
from agents.shared.mark import RING, Mark, MarkUnreadable
from learners.errors import LearnerError
from learners.mixing import coding
from learners.mixing.mixture import Mixed, Mixture

KEPT = 2 * RING
"""Marks of a partition that are kept at hand."""


class MarksRefused(AgentError):
    """A mark that cannot be mixed: the partitions do not agree on what they mix, or it cannot
    be read."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What all partitions must agree on; see ``Mark``."""

    topic: str
    partitions: int
    scheme: str


@dataclass(slots=True)
class _Known:
    """A mark, and the change that it brings; whether it was read from Kafka."""

    mark: Mark
    change: Mixed | None
    committed: bool


class Marks:
    """What the partitions said at their marks, as far as this worker knows.

    The model at a mark is a function of the marks alone: of each interval the changes in the
    order of the partitions, interval after interval. So every worker gets the same one, and
    nobody leads.

    Args:
        mixture: Mixes.
        terms: What all partitions agree on.

    Attributes:
        mixture: Mixes.
        terms: What all partitions agree on.
    """

    def __init__(self, mixture: Mixture, terms: Terms) -> None:
        self.mixture = mixture
        self.terms = terms
        self._known: list[dict[int, _Known]] = [{} for _ in range(terms.partitions)]
        self._mixed: dict[int, tuple[Mixed, bytes]] = {}

    def begin(self) -> None:
        """A new assignment: what was not committed of the last one is void."""
        self._mixed.clear()
        for known in self._known:
            for number in [n for n, each in known.items() if not each.committed]:
                del known[number]

    def read(self, partition: int, offset: int, value: bytes) -> None:
        """Take a mark that was committed.

        Raises:
            MarksRefused: when it cannot be mixed with those of this worker.
        """
        place = f"{self.terms.topic}[{partition}]@{offset}"
        try:
            mark = Mark.decode(value)
            self._check(mark)
            change = coding.decode(mark.change) if mark.change is not None else None
        except (MarkUnreadable, LearnerError) as error:
            raise MarksRefused(f"{place}: {error}") from error
        self._take(partition, _Known(mark, change, committed=True))

    def hold(self, partition: int, mark: Mark) -> None:
        """Take a mark of this worker, which is to be committed with what follows from it."""
        change = coding.decode(mark.change) if mark.change is not None else None
        self._take(partition, _Known(mark, change, committed=False))

    def passed(self, partition: int) -> int | None:
        """The last mark that a partition has passed; None before the first."""
        known = self._known[partition]
        return known[max(known)].mark.mark if known else None

    def number(self, partition: int) -> int:
        """How many marks of a partition there are."""
        return max(self._known[partition], default=-1) + 1

    @property
    def newest(self) -> int | None:
        """The last mark that any partition has passed."""
        passed = [self.passed(partition) for partition in range(self.terms.partitions)]
        return max((mark for mark in passed if mark is not None), default=None)

    def behind(self, mark: int) -> list[int]:
        """The partitions that have not passed a mark."""
        found = []
        for partition in range(self.terms.partitions):
            passed = self.passed(partition)
            if passed is None or passed < mark:
                found.append(partition)
        return found

    def mixed(self, mark: int, start: Mixed, after: int | None) -> tuple[Mixed, bytes]:
        """The model of all partitions at a mark that all have passed; and it encoded.

        Args:
            mark: The mark.
            start: The model at an earlier one.
            after: Which that was; None for what all partitions began with.
        """
        if mark not in self._mixed:
            while len(self._mixed) >= RING:
                del self._mixed[next(iter(self._mixed))]
            folded = self._folded(mark, start, after)
            self._mixed[mark] = folded, coding.encode(folded)
        return self._mixed[mark]

    def require_origin(self, origin: str) -> None:
        """All partitions began with this model.

        Raises:
            MarksRefused: when one did not.
        """
        for partition, known in enumerate(self._known):
            if any(each.mark.origin != origin for each in known.values()):
                raise MarksRefused(
                    f"{self.terms.topic}[{partition}]: this partition began with another model"
                    " than the others, so they cannot be mixed: give the pipeline a new name, and"
                    " `riverrun model import` one model there for all partitions"
                )

    def _folded(self, mark: int, start: Mixed, after: int | None) -> Mixed:
        changes: dict[int, list[Mixed]] = {}
        for known in self._known:
            for each in known.values():
                interval = each.mark.interval
                new = interval <= mark and (after is None or interval > after)
                if new and each.change is not None:
                    changes.setdefault(interval, []).append(each.change)
        for interval in sorted(changes):
            start = self.mixture.mixed(start, changes[interval])
        return start

    def _take(self, partition: int, new: _Known) -> None:
        known = self._known[partition]
        before = known.get(new.mark.number)
        if before is None or not before.committed:
            known[new.mark.number] = new
        for number in [n for n in known if n <= max(known) - KEPT]:
            del known[number]

    def _check(self, mark: Mark) -> None:
        terms = self.terms
        if mark.partitions != terms.partitions:
            raise MarkUnreadable(
                f"it is of {mark.partitions} partitions, and the events have {terms.partitions}:"
                " give the pipeline a new name, and `riverrun model import` the model there"
            )
        if mark.scheme != terms.scheme:
            raise MarkUnreadable(
                "it was made with another [learner] or another learner.mark: restart all workers"
                " with one pipeline file; what was learned needs the settings it was learned with"
            )
