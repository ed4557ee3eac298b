"""The scores of a batch, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from agents.operations import Operations
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
    """

    operations: Operations
    at: list[int] = field(default_factory=list)
    predictions: list[Any] = field(default_factory=list)
    scores: list[float | None] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    reasons: list[tuple[Reason, ...]] = field(default_factory=list)
    baselines: dict[str, list[Any]] | None = None
    decisions: Sequence[Literal["alert", "pass"] | None] = ()

    def __len__(self) -> int:
        return len(self.at)
