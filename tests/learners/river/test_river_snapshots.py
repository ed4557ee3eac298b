"""Every estimator of River's that a pipeline takes, through a snapshot."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any

import pytest
import river
from river import base

from learners.checks import data as check_data
from learners.model import Model
from learners.registry import create
from learners.saved import snapshots
from tests.learners.river_estimators import PARAMS, REFUSED

Event = tuple[dict[str, float], Any]
BOOLS = ("imblearn.Random", "model_selection.SuccessiveHalvingC")
COUNTS = ("naive_bayes.ComplementNB", "naive_bayes.MultinomialNB")


def events(name: str, model: Model) -> list[Event]:
    """Events that the estimator takes: features come and go wherever River has them come and go."""
    if name == "cluster.CluStream":
        return check_data.steady(model.task, 500)
    made = check_data.coming_and_going(model.task, 500)
    if name.startswith(BOOLS):
        return [(x, x.get("a", 0.0) > 0.0) for x, _ in made]
    if name in COUNTS:
        return [({key: abs(value) for key, value in x.items()}, y) for x, y in made]
    return made


def advance(model: Model, some: list[Event]) -> list[Any]:
    """Predict, then learn; all that was said."""
    labels = [model.check_label(y) for _, y in some]
    scored = model.run([x for x, _ in some], labels)
    return [scored.predictions, scored.scores, sorted(scored.failures)]


@pytest.mark.parametrize("name", PARAMS)
def test_it_goes_on_from_a_snapshot_as_if_nothing_had_happened(name: str) -> None:
    model, twin = (create(f"river.{name}", PARAMS[name]) for _ in range(2))
    some = events(name, model)
    assert repr(advance(model, some[:300])) == repr(advance(twin, some[:300]))
    assert model.fingerprint() == twin.fingerprint(), "two equal runs made two models"

    data = snapshots.dump(model, {})
    restored, header = snapshots.load(data, create(f"river.{name}", PARAMS[name]))

    assert header.body == "structure"
    assert restored.fingerprint() == model.fingerprint(), "another model was restored"
    assert repr(advance(restored, some[300:])) == repr(advance(model, some[300:]))
    assert restored.fingerprint() == model.fingerprint(), "the restored model learned otherwise"


def test_no_estimator_of_rivers_was_forgotten() -> None:
    tasks: tuple[Any, ...] = (base.Classifier, base.Regressor, base.Clusterer)
    detectors: Any = base
    tasks += (detectors.AnomalyDetector, detectors.AnomalyFilter)
    found = set()
    for package in pkgutil.iter_modules(river.__path__):
        if package.name in ("checks", "compat", "datasets", "evaluate", "stream", "api"):
            continue
        module = importlib.import_module(f"river.{package.name}")
        for name in getattr(module, "__all__", ()):
            kind = getattr(module, name, None)
            if inspect.isclass(kind) and issubclass(kind, tasks) and not inspect.isabstract(kind):
                found.add(f"{package.name}.{name}")
    # One takes functions, which no file can say; the other needs Python 3.14.
    found -= {"compose.TargetTransformRegressor", "misc.ZstdClassifier"}
    multi = {name for name in found if name.startswith(("base.", "multioutput.", "reco."))}
    assert found - multi == {*PARAMS, *REFUSED}
