"""Which members of a learner belong to which of several learners, and which can be divided."""

from __future__ import annotations

import inspect

from learners.ensembles.bagging import Bagging
from learners.errors import LearnerError
from learners.spec import LearnerSpec

FORESTS = {
    "river.ensemble.BaggingClassifier": "n_models",
    "river.ensemble.BaggingRegressor": "n_models",
    "river.forest.AMFClassifier": "n_estimators",
    "river.forest.AMFRegressor": "n_estimators",
    "river.forest.ARFClassifier": "n_models",
    "river.forest.ARFRegressor": "n_models",
}
"""River's ensembles whose members learn without each other, and what says how many they have."""
_NEIGHBOURS = {
    "river.ensemble.ADWINBaggingClassifier": "replaces the worst of all its members",
    "river.ensemble.AdaBoostClassifier": "lets each member learn from the errors of the one before",
    "river.ensemble.BOLEClassifier": "lets each member learn from the errors of the one before",
    "river.ensemble.LeveragingBaggingClassifier": "replaces the worst of all its members",
    "river.ensemble.SRPClassifier": "divides the features among all its members",
    "river.ensemble.SRPRegressor": "divides the features among all its members",
}


class CannotSpread(LearnerError):
    """A learner whose members cannot be divided among so many learners.

    Attributes
    ----------
    key
        What is wrong, within `[learner]`.
    what
        Why, and what to do.
    """

    def __init__(self, key: str, value: object, what: str) -> None:
        super().__init__(f"learner.{key} = {value!r}: {what}")
        self.key = key
        self.what = what


def require_spreadable(spec: LearnerSpec) -> None:
    """See that `spec.learners` learners can divide the members among them.

    Raises CannotSpread, which names the key of `[learner]`.
    """
    if spec.learners == 1:
        return
    if spec.drift is not None:
        what = "watches the answer of all members together, which no one of several learners has"
        raise CannotSpread("drift", dict(spec.drift), f"{what}: leave it out, or learners")
    if spec.rule is not None:
        what = "weighs the answer of all members together, which no one of several learners has"
        raise CannotSpread("rule", dict(spec.rule), f"{what}: leave it out, or learners")
    count = members(spec)
    if count is not None and spec.learners > count:
        what = f"is more than the {count} members of {spec.type}: each learner needs one at least"
        raise CannotSpread("learners", spec.learners, what)


def members(spec: LearnerSpec) -> int | None:
    """How many members a learner has; None: one for each class that it meets.

    Raises CannotSpread for a learner without members, or one whose members need each other.
    """
    if spec.type == "one_vs_rest":
        return None
    if spec.type == "bagging":
        return _count(spec, Bagging, "members")
    if spec.type in FORESTS:
        from learners.river.names import find  # River takes a second to import

        return _count(spec, find(spec.type), FORESTS[spec.type])
    why = _NEIGHBOURS.get(spec.type, "has no members that could be divided")
    able = ", ".join(["bagging", "one_vs_rest", *FORESTS])
    raise CannotSpread("learners", spec.learners, f"{spec.type} {why}; {able} can be divided")


def _count(spec: LearnerSpec, make: object, name: str) -> int:
    default = inspect.signature(make).parameters[name].default  # type: ignore[arg-type]
    return int(spec.params.get(name, default))
