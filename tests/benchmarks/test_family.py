"""The family's figures are River's own, computed the way River computes them."""

from collections import Counter
from typing import Any, get_args

import pytest
from river import datasets, evaluate, linear_model, metrics, preprocessing

from benchmarks import family
from benchmarks.family_entries import DATA, LOGISTIC, Data, Entry, entries
from learners import registry
from learners.base import Task

PHISHING = DATA[0]


def test_every_learner_of_the_registry_is_measured() -> None:
    tasks: tuple[Task, ...] = get_args(Task)
    assert {e.type for task in tasks for e in entries(task)} >= set(registry.names())


@pytest.mark.parametrize(("entry", "published"), PHISHING.published, ids=["logistic", "alma"])
def test_a_row_has_rivers_published_figure(entry: Entry, published: float) -> None:
    row = family.row(PHISHING, entry, PHISHING.events())
    assert (row["events"], row["of"], row["published_accuracy"]) == (1_250, "River", published)
    assert row["accuracy"] == published


def test_a_row_has_the_accuracy_of_rivers_own_evaluation() -> None:
    river = preprocessing.StandardScaler() | linear_model.LogisticRegression()
    accuracy = evaluate.progressive_val_score(datasets.Phishing(), river, metrics.Accuracy())
    row = family.row(PHISHING, Entry(LOGISTIC), PHISHING.events())
    assert row["accuracy"] == pytest.approx(accuracy.get(), abs=5e-5)
    assert "published_accuracy" not in row


def test_ours_in_batches_reaches_what_rivers_reaches_one_by_one() -> None:
    events = PHISHING.events()
    ours = family.row(PHISHING, Entry("logistic_regression"), events)
    rivers = family.row(PHISHING, Entry(LOGISTIC), events)
    names = ("accuracy", "roc_auc", "log_loss")
    assert [ours[name] for name in names] == [rivers[name] for name in names]


@pytest.mark.parametrize("data", DATA, ids=lambda data: f"{data.name}-{data.task}")
def test_each_data_set_gives_every_figure_of_its_task(data: Data) -> None:
    figures = {
        "binary": {"accuracy", "roc_auc", "log_loss"},
        "multiclass": {"accuracy", "macro_f1"},
        "regression": {"mae", "rmse", "r2"},
        "clustering": {"purity", "adjusted_rand"},
        "anomaly": {"roc_auc"},
    }[data.task]
    row = family.row(data, entries(data.task)[0], data.events(300))
    assert all(isinstance(row[name], float) for name in figures)
    assert row["events"] == 300


def test_a_prediction_that_does_not_come_counts_as_wrong() -> None:
    data: Any = [({"a": 1.0}, "x"), ({"a": 2.0}, "x")]
    scored = family.prequential("multiclass", Entry("passive_aggressive_multiclass"), data)
    assert scored.predictions == [None, "x"]
    assert family.evaluated("multiclass", data, scored)["accuracy"] == 0.5


def test_the_adjusted_rand_index_is_rivers() -> None:
    pairs = [(i * 7 % 5 > 1, i * 3 % 4) for i in range(200)]
    river = metrics.AdjustedRand()
    for one, other in pairs:
        river.update(one, other)
    assert family.adjusted_rand(Counter(pairs)) == pytest.approx(river.get())
    assert family.adjusted_rand(Counter((i % 3, -i % 3) for i in range(30))) == 1.0
