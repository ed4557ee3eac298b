"""A few made-up events, for what is wrong with a learner of River's and only shows when it runs.

River checks few parameters: a wrong one is found by the first event, or by the tenth. So is an
estimator that no pipeline can drive, since it wants texts, several targets or a time.
"""

from __future__ import annotations

import contextlib
import io
import random
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

from learners.base import Task
from learners.errors import LearnFailed, ParameterError
from learners.model import Model
from learners.registry import create

EVENTS = 15
SECONDS = 0.25
"""No event is begun later, for learners of which one event takes long."""
_LABELS: dict[Task, list[list[Any]]] = {
    "binary": [[True, False]],
    "multiclass": [[True, False], ["a", "b"], [0, 1, 2]],
    "regression": [[0.5, 2.0, 1.0]],
    "clustering": [[None]],
    "anomaly": [[None]],
}


def try_out(type: str, params: Mapping[str, Any]) -> None:
    """Predict and learn some made-up events with a new learner of River's.

    Raises ParameterError, which names the parameter without which it would have worked, if
    there is one.
    """
    problem = _problem(type, params)
    if problem is None:
        return
    for name, value in params.items():
        rest = {key: part for key, part in params.items() if key != name}
        if _problem(type, rest) is None:
            raise ParameterError(f"learner {type!r}: {name} = {value!r}: {problem}")
    raise ParameterError(f"learner {type!r}: {problem}")


def _problem(type: str, params: Mapping[str, Any]) -> str | None:
    """Why no labels of its task can be learned; None if some can."""
    problem = None
    for labels in _labels(type, params):
        said = io.StringIO()
        try:
            with contextlib.redirect_stdout(said):
                model = create(type, params)
                problem = _run(model, labels) or _ignored(said.getvalue())
        except Exception as error:
            problem = f"{error.__class__.__name__}: {error}"
        if problem is None:
            return None
    return problem


def _ignored(said: str) -> str | None:
    """River's trees print that they do not know an option, and go on with its default."""
    lines = (line for line in said.splitlines() if line.startswith("Invalid "))
    return next(lines, None)


def _labels(type: str, params: Mapping[str, Any]) -> Sequence[list[Any]]:
    try:
        model = create(type, params)
    except Exception:
        return [[None]]
    wanted = getattr(_final(model), "desired_dist", None)
    return [list(wanted)] if wanted else _LABELS[model.task]


def _final(model: Model) -> Any:
    return getattr(model.estimator, "final", None)


def _run(model: Model, labels: list[Any]) -> str | None:
    rng = random.Random(0)
    until = monotonic() + SECONDS
    for i in range(EVENTS):
        x = {name: rng.random() for name in "abcd"}  # not below 0: some learners count
        y = model.check_label(labels[i % len(labels)])
        try:
            failures = model.run([x], [y]).failures
            if failures:
                return _said("predict", i, failures[0])
        except LearnFailed as error:
            return _said("learn", i, error.cause)
        if i > 1 and monotonic() > until:
            break
    return None


def _said(verb: str, at: int, error: Exception) -> str:
    reason = f"{error.__class__.__name__} {error}".strip()
    return f"cannot {verb} made-up event {at + 1} of numbers: {reason}"


def require_no_texts(model: Model) -> None:
    """Refuse River's steps over texts: an event's texts reach no learner, but only its own steps.

    Raises ParameterError.
    """
    from river.feature_extraction import TFIDF, BagOfWords  # River takes a second to import

    from learners.saved.structure.write import parts_of

    for part in parts_of(model.estimator.state()):
        if isinstance(part, (BagOfWords, TFIDF)):
            raise ParameterError(
                f"learner {model.type!r}: holds a {type(part).__name__}, and no text of an event"
                ' reaches a learner; a table [[learner.steps]] with type = "feature_hashing"'
                " makes numbers of texts, before any learner"
            )
