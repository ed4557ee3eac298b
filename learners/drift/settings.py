"""What `[learner.drift]` of a pipeline file says."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from learners.base import Task
from learners.drift.adwin import ADWIN
from learners.drift.detector import Detector
from learners.drift.kswin import KSWIN
from learners.drift.losses import LOSSES
from learners.drift.page_hinkley import PageHinkley
from learners.errors import DriftError, WrongValue
from learners.parameters import number, one_of, whole

DETECTORS: dict[str, type[Detector]] = {
    "adwin": ADWIN,
    "kswin": KSWIN,
    "page_hinkley": PageHinkley,
}
REACTIONS: dict[str, tuple[str, ...]] = {
    "alarm": (),
    "reset": (),
    "raise": ("factor", "events"),
    "swap": ("warning", "window"),
}
"""Each reaction, and the keys that are its own."""

_COMMON = ("detector", "on", "loss", "reaction")


@dataclass(frozen=True)
class DriftSettings:
    """How a learner is watched, checked and complete.

    Attributes
    ----------
    detector, params
        Which, and its parameters.
    loss
        Of `losses.LOSSES`.
    reaction
        "alarm": count. "reset": a new learner. "raise": a larger learning rate for a while.
        "swap": a background learner learns from a warning on, and takes over.
    factor, events
        raise: the rate is multiplied by the first for so many learned events.
    warning
        swap: in place of the detector's `sensitivity`, for warnings.
    window
        swap: learned events after which the two are compared.
    """

    detector: str
    params: Mapping[str, Any]
    loss: str
    reaction: str
    factor: float
    events: int
    warning: float
    window: int

    def alarm(self) -> Detector:
        """A new detector of drifts."""
        return DETECTORS[self.detector](**self.params)

    def warner(self) -> Detector:
        """A new detector of warnings."""
        make = DETECTORS[self.detector]
        return make(**{**self.params, make.sensitivity: self.warning})


def read(drift: Mapping[str, Any], task: Task) -> DriftSettings:
    """Check the keys of `[learner.drift]` for a learner of `task`.

    Raises DriftError, which names the key and what is allowed.
    """
    if task not in LOSSES:
        raise DriftError("detector", f"drift needs labels, and {task} has none")
    detector = _choice(drift, "detector", tuple(DETECTORS))
    reaction = _choice(drift, "reaction", tuple(REACTIONS), "alarm")
    _choice(drift, "on", ("loss",), "loss")
    loss = _choice(drift, "loss", LOSSES[task], LOSSES[task][0])
    parameters = tuple(inspect.signature(DETECTORS[detector]).parameters)
    allowed = (*_COMMON, *parameters, *REACTIONS[reaction])
    for key in drift:
        if key not in allowed:
            taken = f"{detector} with reaction {reaction!r} takes {', '.join(allowed)}"
            raise DriftError(key, f"unknown key; {taken}", unknown=True)
    params = {key: value for key, value in drift.items() if key in parameters}
    try:
        DETECTORS[detector](**params)
        return DriftSettings(
            detector,
            params,
            loss,
            reaction,
            number("factor", drift.get("factor", 10.0), above=1.0, most=1e6),
            whole("events", drift.get("events", 500), least=1),
            _warning(drift, detector, params) if reaction == "swap" else math.nan,
            whole("window", drift.get("window", 300), least=10),
        )
    except WrongValue as error:
        raise DriftError(error.key, error.what) from None


def _choice(
    drift: Mapping[str, Any], key: str, allowed: tuple[str, ...], default: str | None = None
) -> str:
    value = drift.get(key, default)
    if value is None:
        raise DriftError(key, f"is missing; it must be one of {', '.join(map(repr, allowed))}")
    try:
        return one_of(key, value, allowed)
    except WrongValue as error:
        raise DriftError(key, error.what) from None


def _warning(drift: Mapping[str, Any], detector: str, params: Mapping[str, Any]) -> float:
    """The sensitivity of warnings: ten times the chance of a false one, or half the threshold."""
    make = DETECTORS[detector]
    own = getattr(make(**params), make.sensitivity)
    if make is PageHinkley:
        given = number("warning", drift.get("warning", own / 2.0), above=0.0)
        if given >= own:
            raise WrongValue("warning", given, f"must be below threshold, {own:g}")
        return given
    given = number("warning", drift.get("warning", min(10.0 * own, 0.999)), above=0.0, most=0.999)
    if given < own or (given == own and "warning" in drift):
        raise WrongValue("warning", given, f"must be above {make.sensitivity}, {own:g}")
    return given
