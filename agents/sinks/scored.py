"""The scores of a batch, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from agents.operations import Operations
from learners.engine.kernels import Ints
from topics.records import Reason


@dataclass(slots=True)
class ScoredBatch:
    """The events of a batch that were scored, in their order; all columns have one length.

    Attributes:
        operations: All of the batch.
        at: Where each event stands among them.
        predictions, scores: See ``Prediction``.
        versions: How many events the model had learned before each.
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
    reasons: list[tuple[Reason, ...]] = field(default_factory=list)
    baselines: dict[str, list[Any]] | None = None
    decisions: Sequence[Literal["alert", "pass"] | None] = ()
    thresholds: Sequence[float | None] = ()

    def __len__(self) -> int:
        return len(self.at)

    @property
    def ids(self) -> Sequence[Any]:
        """Of the events."""
        ids = self.operations.ids
        return ids if len(self) == len(ids) else [ids[i] for i in self.at.tolist()]
