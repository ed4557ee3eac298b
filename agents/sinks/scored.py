"""The scores of a batch, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal

import numpy as np

from agents.operations import Operations
from learners.engine.kernels import Ints
from topics.records import Reason

COLUMNS = ("predictions", "scores", "versions", "shares", "reasons", "decisions", "thresholds")
"""What is said of each event; some of them are empty where nothing is."""


@dataclass(slots=True)
class ScoredBatch:
    """The events of a batch that were scored, in their order; all columns have one length.

    Attributes:
        operations: All of the batch.
        at: Where each event stands among them.
        predictions, scores: See ``Prediction``.
        versions: How many events the model had learned before each.
        shares: How many each of several learners had; empty where there is one.
        reasons: The features that moved each score most; empty where they are not asked for.
        baselines: What the others said of each, by name; None where nothing is evaluated.
        decisions: "alert", "pass", or None where nothing is decided.
        thresholds: Of the decisions.
    """

    operations: Operations
    at: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    predictions: list[Any] = field(default_factory=list)
    scores: list[float | None] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    shares: list[tuple[int, ...]] = field(default_factory=list)
    reasons: list[tuple[Reason, ...]] = field(default_factory=list)
    baselines: dict[str, list[Any]] | None = None
    decisions: Sequence[Literal["alert", "pass"] | None] = ()
    thresholds: Sequence[float | None] = ()

    @classmethod
    def joined(cls, parts: Sequence[ScoredBatch]) -> ScoredBatch:
        """Batches of one stage, one behind the other."""
        if len(parts) == 1:
            return parts[0]

        def chained(column: str) -> list[Any]:
            return list(chain.from_iterable(getattr(part, column) for part in parts))

        starts = np.cumsum([0, *(len(part.operations) for part in parts[:-1])])
        made = cls(Operations.joined([part.operations for part in parts]))
        made.at = np.concatenate([p.at + n for p, n in zip(parts, starts, strict=True)])
        for column in COLUMNS:
            setattr(made, column, chained(column))
        if (first := parts[0].baselines) is not None:
            said = [part.baselines or {} for part in parts]
            made.baselines = {
                name: list(chain.from_iterable(each[name] for each in said)) for name in first
            }
        return made

    def take(self, at: Ints) -> ScoredBatch:
        """The operations that stand at these places, in this order, with what is said of them."""
        rows = np.full(len(self.operations), -1)
        rows[self.at] = np.arange(len(self))
        chosen = rows[at]
        order = chosen[chosen >= 0].tolist()
        made = ScoredBatch(self.operations.take(at), np.flatnonzero(chosen >= 0))
        for column in COLUMNS:
            values = getattr(self, column)
            setattr(made, column, [values[j] for j in order] if len(values) else values)
        if self.baselines is not None:
            said = self.baselines.items()
            made.baselines = {name: [values[j] for j in order] for name, values in said}
        return made

    def __len__(self) -> int:
        return len(self.at)

    @property
    def ids(self) -> Sequence[Any]:
        """Of the events."""
        ids = self.operations.ids
        return ids if len(self) == len(ids) else [ids[i] for i in self.at.tolist()]
