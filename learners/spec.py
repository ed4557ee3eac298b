"""What a learner is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class LearnerSpec:
    """Says which learner is meant, as `[learner]` of a pipeline file does.

    Attributes
    ----------
    type
        A name of `registry.names()`, the dotted name of a River estimator
        ("river.forest.ARFClassifier") or a user's own "module:name".
    params
        Keyword arguments: plain values. A nested estimator of River's is a table with its
        dotted name as "type" and its own parameters beside it.
    scale
        Whether a standard scaler stands before it, after all steps.
    drift
        How its loss is watched, and what follows from a drift, see `learners.drift.settings`;
        None: it is not watched.
    steps
        What stands before it: for each step its name as "type", and its parameters; see
        `learners.steps.registry`.
    rule
        The hand rule beside it, see `learners.ensembles.beside_rule`; None: there is none.
    """

    type: str
    params: Mapping[str, Any] = field(default_factory=dict)
    scale: bool = False
    drift: Mapping[str, Any] | None = None
    steps: Sequence[Mapping[str, Any]] = ()
    rule: Mapping[str, Any] | None = None

    def tables(self) -> dict[str, Any]:
        """The attributes by their names, as a snapshot's header has them; a drift that is None
        is an empty table, and a rule that is None is left out."""
        tables = {
            "type": self.type,
            "params": dict(self.params),
            "scale": self.scale,
            "drift": dict(self.drift or {}),
            "steps": [dict(step) for step in self.steps],
        }
        return tables | ({"rule": dict(self.rule)} if self.rule else {})
