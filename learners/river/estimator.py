"""Any estimator of River's, and any learner that speaks its API."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

import numpy as np
from river import base, compose, preprocessing

from learners.base import UNLABELLED, UNSUPERVISED, Features, Scored, Task, Times
from learners.engine.rows import Rows
from learners.errors import LearnFailed, ParameterError
from learners.river.names import build
from learners.river.unseeded import seed
from learners.saved.structure.write import parts_of

Answer = tuple[Any, float | None]


class RiverEstimator:
    """Drives an estimator of River's, event after event.

    Parameters
    ----------
    wrapped
        Has `learn_one`, and `predict_one` or `score_one`. What is not of River's says in
        `task` what its labels are.
    name
        How errors call it.

    Raises ParameterError for what cannot be driven.
    """

    batched = False

    def __init__(self, wrapped: Any, name: str = "") -> None:
        self.wrapped = wrapped
        self.final = wrapped._last_step if isinstance(wrapped, compose.Pipeline) else wrapped
        self.task: Task = _task(self.final, name)
        self._answer: Callable[[Features], Answer] = self._answer_for()
        self._supervised = self.task not in UNSUPERVISED

    @classmethod
    def create(
        cls, type: str, params: Mapping[str, Any], scale: bool, called: str = ""
    ) -> RiverEstimator:
        """A new one, by its name; `scale` puts River's StandardScaler before it."""
        estimator = build(type, params, called)
        seed(parts_of(estimator))
        if scale and not isinstance(estimator, base.Base):
            raise ParameterError(
                f"learner {called or type!r}: scale = true is for River's estimators; a table"
                ' [[learner.steps]] with type = "scale" scales before any learner'
            )
        if scale:
            estimator = preprocessing.StandardScaler() | estimator
        return cls(estimator, called or type)

    def predict_one(self, x: Features) -> Any:
        """The prediction; for an anomaly detector its score, for a filter its verdict."""
        return self._answer(x)[0]

    def score(self, x: Features) -> float | None:
        """The number that ranks, or None."""
        return self._answer(x)[1]

    def learn_one(self, x: Features, y: Any) -> None:
        """Learn one event."""
        if self._supervised:
            self.wrapped.learn_one(x, y)
        else:
            self.wrapped.learn_one(x)

    def run(
        self, rows: Rows | Sequence[Features], labels: Sequence[Any], *, times: Times = None
    ) -> Scored:
        """Predict and then learn each row. Raises LearnFailed."""
        dicts = rows.to_dicts() if isinstance(rows, Rows) else rows
        scored = Scored([None] * len(labels), [None] * len(labels))
        for i, (x, y) in enumerate(zip(dicts, labels, strict=True)):
            try:
                scored.predictions[i], scored.scores[i] = self._answer(x)
            except Exception as error:
                scored.failures[i] = error
                continue
            if y is not UNLABELLED:
                try:
                    for _ in range(times[i] if times else 1):
                        self.learn_one(x, y)
                except Exception as error:
                    raise LearnFailed(i, error) from error
        return scored

    def warm_up(self, n_features: int) -> None:
        """Nothing is compiled."""

    def state(self) -> Any:
        """The estimator itself."""
        return self.wrapped

    # How a prediction and its score are had, for each task

    def _answer_for(self) -> Callable[[Features], Answer]:
        if self.task in ("binary", "multiclass"):
            return self._classify if self.has_probabilities() else self._predict_only
        return {
            "regression": self._regress,
            "clustering": self._cluster,
            "anomaly": self._detect,
        }[self.task]

    def has_probabilities(self) -> bool:
        """Whether a classifier gives more than its verdict."""
        method = getattr(type(self.final), "predict_proba_one", None)
        return method is not None and method is not base.Classifier.predict_proba_one

    def _predict_only(self, x: Features) -> Answer:
        return _plain(self.wrapped.predict_one(x)), None

    def _classify(self, x: Features) -> Answer:
        try:
            chances = self.wrapped.predict_proba_one(x)
        except NotImplementedError:  # a wrapper around a classifier without probabilities
            self._answer = self._predict_only
            return self._answer(x)
        if getattr(type(self.final), "predict_one", None) is base.Classifier.predict_one:
            prediction = max(chances, key=chances.get) if chances else None
        else:
            prediction = self.wrapped.predict_one(x)
        if self.task == "binary" or chances.keys() <= {0, 1}:  # True and False among them
            return _plain(prediction), _score(chances.get(True, 0.0)) if chances else None
        return _plain(prediction), _score(chances.get(prediction))

    def _regress(self, x: Features) -> Answer:
        value = _plain(self.wrapped.predict_one(x))
        return value, _score(value)

    def _cluster(self, x: Features) -> Answer:
        try:
            cluster = _plain(self.wrapped.predict_one(x))
        except Exception:
            if getattr(self.final, "centers", None) == {}:
                return None, None  # STREAMKMeans has none before its first chunk is full
            raise
        centres = getattr(self.final, "centers", None)
        if not isinstance(centres, Mapping) or cluster not in centres:
            return cluster, None
        if isinstance(self.wrapped, compose.Pipeline):
            x = self.wrapped._transform_one(dict(x))[0]
        return cluster, _score(_distance(centres[cluster], x))

    def _detect(self, x: Features) -> Answer:
        value = self.wrapped.score_one(x)
        score = _score(value)
        if isinstance(self.final, base.AnomalyFilter):
            return bool(self.final.classify(value)), score
        return score, score


def _task(estimator: Any, name: str) -> Task:
    """What the labels of an estimator are."""
    task: Task
    declared: Any = getattr(estimator, "task", None)
    if declared in get_args(Task):
        task = declared
    elif isinstance(estimator, base.SupervisedAnomalyDetector):
        raise ParameterError(f"learner {name!r}: needs the label before it can score")
    elif isinstance(estimator, base.Classifier):
        task = "multiclass" if estimator._multiclass else "binary"
    elif isinstance(estimator, base.Regressor):
        task = "regression"
    elif isinstance(estimator, base.Clusterer):
        task = "clustering"
    elif isinstance(estimator, (base.AnomalyDetector, base.AnomalyFilter)):
        task = "anomaly"
    else:
        raise ParameterError(
            f"learner {name!r}: no classifier, regressor, clusterer or anomaly detector of"
            f" River's, and its attribute 'task' is none of {', '.join(get_args(Task))}"
        )
    verb = "score_one" if task == "anomaly" else "predict_one"
    for needed in ("learn_one", verb):
        if not callable(getattr(estimator, needed, None)):
            raise ParameterError(f"learner {name!r}: has no method {needed!r}")
    return task


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _score(value: Any) -> float | None:
    """A finite float, or None."""
    if value is None or not math.isfinite(value):
        return None
    return float(value)


def _distance(centre: Mapping[str, float], x: Features) -> float:
    return math.sqrt(sum((centre.get(k, 0.0) - x.get(k, 0.0)) ** 2 for k in {**centre, **x}))
