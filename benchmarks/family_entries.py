"""Who is measured on what: the learners of the registry, and River's beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from river import datasets
from river.datasets import synth

from learners import registry
from learners.base import Task
from learners.errors import ParameterError

Events = list[tuple[dict[str, Any], Any]]


@dataclass(frozen=True)
class Entry:
    """A learner, by the name and the parameters of a pipeline file; a scaler stands before it."""

    type: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def of(self) -> str:
        """Whose algorithm runs."""
        river = self.type.startswith("river.") or self.type in ("half_space_trees", "one_class_svm")
        return "River" if river else "riverrun"


@dataclass(frozen=True)
class Data:
    """A data set with a task.

    Attributes:
        name: What tables call it.
        task: What is predicted.
        read: Gives the events.
        large: So many events that forests take minutes.
        published: River's own figures of accuracy.
    """

    name: str
    task: Task
    read: Callable[[], Iterator[tuple[dict[str, Any], Any]]]
    large: bool = False
    published: Sequence[tuple[Entry, float]] = ()

    def events(self, count: int | None = None) -> Events:
        """The events, or the first of them."""
        return [event for event, _ in zip(self.read(), range(count or 1_000_000), strict=False)]


LOGISTIC = "river.linear_model.LogisticRegression"
RIVERS = Entry(LOGISTIC, {"optimizer": {"type": "river.optim.SGD", "lr": 0.005}})
"""As River's own benchmarks have it; the rate is what gives their figures."""
ALMA = Entry("river.linear_model.ALMAClassifier")


def _friedman() -> Iterator[tuple[dict[str, Any], Any]]:
    return iter(synth.Friedman(seed=1).take(10_000))


DATA = (
    Data(
        "Phishing",
        "binary",
        lambda: iter(datasets.Phishing()),
        published=((RIVERS, 0.8872), (ALMA, 0.8256)),
    ),
    Data(
        "Bananas",
        "binary",
        lambda: iter(datasets.Bananas()),
        published=((RIVERS, 0.5432), (ALMA, 0.5060)),
    ),
    Data("Shuttle", "binary", lambda: iter(datasets.Shuttle()), large=True),
    Data("ImageSegments", "multiclass", lambda: iter(datasets.ImageSegments())),
    Data("Friedman", "regression", _friedman, large=True),
    Data("TrumpApproval", "regression", lambda: iter(datasets.TrumpApproval())),
    Data("ImageSegments", "clustering", lambda: iter(datasets.ImageSegments())),
    Data("Shuttle", "anomaly", lambda: iter(datasets.Shuttle()), large=True),
)

_HINGE = {"type": "river.optim.losses.Hinge"}
_RIVER_LOGISTIC = {"type": LOGISTIC}

OTHERS: dict[Task, tuple[Entry, ...]] = {
    "binary": (
        Entry("passive_aggressive", {"C": 0.01}),
        Entry("svm", {"mode": "pegasos"}),
        Entry("logistic_regression", {"learning_rate": 0.005}),
        Entry("logistic_regression", {"optimizer": "adagrad", "learning_rate": 0.1}),
        Entry("logistic_regression", {"optimizer": "ftrl", "learning_rate": 0.1}),
        Entry("bagging", {"learner": {"type": "logistic_regression"}}),
        Entry("river.linear_model.PAClassifier"),
        Entry("river.linear_model.PAClassifier", {"C": 0.01}),
        Entry(LOGISTIC, {"loss": _HINGE}),
        Entry(LOGISTIC),
        RIVERS,
        ALMA,
        Entry("river.linear_model.Perceptron"),
        Entry("river.naive_bayes.GaussianNB"),
        Entry("river.tree.HoeffdingTreeClassifier"),
        Entry("river.forest.ARFClassifier", {"seed": 1}),
    ),
    "multiclass": (
        Entry("passive_aggressive_multiclass", {"C": 0.1}),
        Entry("one_vs_rest", {"learner": {"type": "logistic_regression"}}),
        Entry("one_vs_rest", {"learner": {"type": "arow"}}),
        Entry("one_vs_rest", {"learner": {"type": "soft_confidence_weighted"}}),
        Entry("river.multiclass.OneVsRestClassifier", {"classifier": _RIVER_LOGISTIC}),
        Entry("river.linear_model.SoftmaxRegression"),
        Entry("river.naive_bayes.GaussianNB"),
        Entry("river.tree.HoeffdingTreeClassifier"),
        Entry("river.forest.ARFClassifier", {"seed": 1}),
    ),
    "regression": (
        Entry("linear_regression", {"loss": "huber", "epsilon": 1.0, "intercept_lr": 0.1}),
        Entry("linear_regression", {"loss": "epsilon_insensitive", "intercept_lr": 0.1}),
        Entry("passive_aggressive_regressor", {"C": 0.1}),
        Entry("bagging", {"learner": {"type": "linear_regression"}}),
        Entry("river.linear_model.LinearRegression"),
        Entry("river.linear_model.PARegressor"),
        Entry("river.linear_model.BayesianLinearRegression"),
        Entry("river.tree.HoeffdingTreeRegressor"),
        Entry("river.forest.ARFRegressor", {"seed": 1}),
    ),
    "clustering": (
        Entry("k_means", {"n_clusters": 7}),
        Entry("k_means", {"n_clusters": 7, "half_life": 500.0}),
        Entry("mini_batch_k_means", {"n_clusters": 7}),
        Entry("river.cluster.KMeans", {"n_clusters": 7, "seed": 1}),
        Entry("river.cluster.KMeans", {"n_clusters": 7, "seed": 1, "halflife": 0.01}),
    ),
    "anomaly": (Entry("k_means"), Entry("mini_batch_k_means")),
}
"""River's, and ours with other parameters."""


def entries(task: Task) -> tuple[Entry, ...]:
    """Every learner of the registry for the task, as it comes, and the others."""
    named = (Entry(name) for name in registry.names() if _task(name) == task)
    return (*named, *OTHERS[task])


def _task(name: str) -> Task | None:
    """None for what does nothing without parameters."""
    try:
        return registry.create(name).task
    except ParameterError:
        return None
