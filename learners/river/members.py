"""River's ensembles whose members learn without each other, member by member."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from river import base, compose, preprocessing

from learners.river.estimator import RiverEstimator
from learners.river.names import build
from learners.river.unseeded import seed
from learners.saved.structure.write import parts_of
from learners.spec import LearnerSpec
from learners.spread.owning import share_of
from learners.spread.shares import FORESTS, members


@dataclass(frozen=True)
class Parts:
    """What an ensemble of River's has, besides its list of members.

    Attributes
    ----------
    each
        Attributes that are lists, with an item for each member; None where it has none.
    counts
        Attributes that are dicts, by the numbers of members.
    common
        Attributes that follow from the rows alone: those of one member are those of all.
    """

    each: tuple[str, ...] = ()
    counts: tuple[str, ...] = ()
    common: tuple[str, ...] = ()


_ARF = ("_warning_detectors", "_drift_detectors", "_background", "_metrics")
_TRACKERS = ("_warning_tracker", "_drift_tracker")
_COUNTS = ("n_models", "n_estimators")
PARTS = {
    "river.ensemble.BaggingClassifier": Parts(),
    "river.ensemble.BaggingRegressor": Parts(),
    "river.forest.AMFClassifier": Parts(common=("_classes",)),
    "river.forest.AMFRegressor": Parts(common=("iteration",)),
    "river.forest.ARFClassifier": Parts(_ARF, _TRACKERS, ("max_features",)),
    "river.forest.ARFRegressor": Parts((*_ARF, "_drift_norm"), _TRACKERS, ("max_features",)),
}


class Members:
    """Some members of an ensemble, each of them an ensemble of one.

    River's ensembles have one generator of random numbers for all members. Here each member has
    its own, seeded by the ensemble's seed and the member's number: what it becomes depends on
    the rows alone, and on no other member. The answer is that of River's ensemble of these
    members.

    Attributes
    ----------
    type, params
        Of the ensemble.
    parts
        By the numbers of the members, ascending.
    """

    def __init__(self, type: str, params: Mapping[str, Any], parts: Mapping[int, Any]) -> None:
        self.type = type
        self.params = dict(params)
        self.parts = dict(parts)
        self._whole: Any = None
        self._filled = False

    def learn_one(self, x: Any, y: Any, **more: Any) -> None:
        """Each member learns the event."""
        self._filled = False
        for part in self.parts.values():
            part.learn_one(x, y, **more)

    @property
    def whole(self) -> Any:
        """River's ensemble of these members; it may only be asked."""
        if self._whole is None:
            self._whole = empty(self.type, self.params)
        if not self._filled:
            fill(self._whole, PARTS[self.type], list(self.parts.values()))
            self._filled = True
        return self._whole

    @property
    def _multiclass(self) -> bool:
        return bool(self.whole._multiclass)

    def dump_state(self) -> dict[str, Any]:
        """See docs/pipeline-file.md, "Your own learner"."""
        return {"type": self.type, "params": self.params, "parts": self.parts}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what `dump_state` gave."""
        Members.__init__(self, state["type"], state["params"], state["parts"])


class ClassifierMembers(Members, base.Classifier):
    """Members that predict classes."""

    def predict_proba_one(self, x: Any, **more: Any) -> Any:
        """As River's ensemble of these members."""
        return self.whole.predict_proba_one(x, **more)


class RegressorMembers(Members, base.Regressor):
    """Members that predict a number."""

    def predict_one(self, x: Any) -> Any:
        """As River's ensemble of these members."""
        return self.whole.predict_one(x)


def new_members(spec: LearnerSpec) -> RiverEstimator:
    """The members of a share, or of all; behind River's scaler where `spec.scale` asks for it.

    Raises ParameterError for a parameter that the ensemble does not take.
    """
    count = members(spec)
    numbers = share_of(count or 0, spec.share, spec.learners)
    return around(spec, {k: _new_part(spec, k) for k in numbers})


def around(spec: LearnerSpec, parts: Mapping[int, Any], scaler: Any = None) -> RiverEstimator:
    """These members, ready to learn. With `spec.scale` behind `scaler`, or behind a new one."""
    kind = ClassifierMembers if spec.type.endswith("Classifier") else RegressorMembers
    made: Any = kind(spec.type, spec.params, dict(sorted(parts.items())))
    if spec.scale:
        made = (preprocessing.StandardScaler() if scaler is None else scaler) | made
    return RiverEstimator(made, spec.type)


def ensemble_of(divided: RiverEstimator, new: RiverEstimator) -> RiverEstimator:
    """The members of `divided`, and its scaler, in River's own ensemble, which `new` has."""
    members, ensemble = members_in(divided), new.final
    fill(ensemble, PARTS[members.type], list(members.parts.values()))
    scaler = scaler_in(divided)
    return RiverEstimator(ensemble if scaler is None else scaler | ensemble, members.type)


def members_in(estimator: RiverEstimator) -> Members:
    """The members behind a scaler, or without one."""
    assert isinstance(estimator.final, Members)
    return estimator.final


def scaler_in(estimator: RiverEstimator) -> Any:
    """The scaler before them; None without one."""
    wrapped = estimator.wrapped
    return next(iter(wrapped.steps.values())) if isinstance(wrapped, compose.Pipeline) else None


def _new_part(spec: LearnerSpec, k: int) -> Any:
    """An ensemble of the member of this number, with a generator of its own."""
    own = {FORESTS[spec.type]: 2, "seed": _seed(spec, k)}  # some of River's refuse to be one
    part = build(spec.type, {**deepcopy(dict(spec.params)), **own})
    setattr(part, FORESTS[spec.type], 1)
    for name in ("data", *PARTS[spec.type].each):
        if getattr(part, name, None):
            del getattr(part, name)[1:]
    seed(parts_of(part))
    return part


def _seed(spec: LearnerSpec, k: int) -> int:
    """Of a member: far from those of its neighbours."""
    digest = hashlib.sha256(f"{spec.params.get('seed') or 0} {k}".encode()).digest()
    return int.from_bytes(digest[:4]) % 2**31


def empty(type: str, params: Mapping[str, Any]) -> Any:
    """River's ensemble, which has learned nothing."""
    made = build(type, params)
    seed(parts_of(made))
    return made


def fill(whole: Any, names: Parts, parts: Sequence[Any]) -> None:
    """Let River's ensemble have the members of these ensembles of one, which have them too.

    Those that have learned nothing yet may have no member, and are left out.
    """
    begun = [part for part in parts if part.data]
    if not begun:
        return
    whole.data = [part.data[0] for part in begun]
    for name in _COUNTS:
        if hasattr(whole, name):
            setattr(whole, name, len(begun))
    for name in names.each:
        if getattr(begun[0], name, None) is not None:
            setattr(whole, name, [getattr(part, name)[0] for part in begun])
    for name in names.counts:
        if (counts := getattr(whole, name)) is not None:
            counts.clear()
            found = [getattr(part, name) for part in begun]
            # One that is asked for a number which it does not have would have it from then on.
            counts.update({k: each[0] for k, each in enumerate(found) if 0 in each})
    for name in names.common:
        setattr(whole, name, _common([getattr(part, name) for part in begun]))


def _common(values: Sequence[Any]) -> Any:
    """What all members know: the classes that the one behind the others has met."""
    return min(values, key=len) if isinstance(values[0], set) else values[0]
