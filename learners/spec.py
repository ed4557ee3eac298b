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
    learners
        How many learners divide its members among them; see `learners.spread`.
    share
        Which of these learners it is, from 0; None: it has the members of all of them.
    """

    type: str
    params: Mapping[str, Any] = field(default_factory=dict)
    scale: bool = False
    drift: Mapping[str, Any] | None = None
    steps: Sequence[Mapping[str, Any]] = ()
    rule: Mapping[str, Any] | None = None
    learners: int = 1
    share: int | None = None

    def tables(self) -> dict[str, Any]:
        """The attributes by their names, as a snapshot's header has them; a drift that is None
        is an empty table, a rule that is None is left out, and only a learner that is divided
        says of what it is a share."""
        divided = {"learners": self.learners, "share": self.share} if self.learners > 1 else {}
        tables = {
            "type": self.type,
            "params": dict(self.params),
            "scale": self.scale,
            "drift": dict(self.drift or {}),
            "steps": [dict(step) for step in self.steps],
            **divided,
        }
        return tables | ({"rule": dict(self.rule)} if self.rule else {})
