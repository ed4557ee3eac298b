from __future__ import annotations

import functools
import io
import os
import pickle
import pickletools
import random
from collections.abc import Callable
from typing import Any

import pytest
from river import proba

from learners import pickles
from learners.errors import ForbiddenClass, NotSnapshotable, SnapshotDamaged
from learners.registry import create
from tests.learners.data import phishing

BAYES = {"type": "river.naive_bayes.GaussianNB"}


class Calls:
    """Pickles as a call."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def names(module: str, name: str) -> bytes:
    """A pickle that is one global."""
    return b"\x80\x04" + _text(module) + _text(name) + b"\x93."


def _text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(Calls(os.system, "true")),
        pickle.dumps(Calls(eval, "1")),
        pickle.dumps(Calls(getattr, {}, "__class__")),
        pickle.dumps(Calls(getattr, random.Random(1), "__reduce__")),
        pickle.dumps(functools.partial(print)),
        names("posix", "system"),
        names("builtins", "exec"),
        names("river.base.base", "sys"),
        names("river.base.base", "sys.modules"),
        names("river.base.base", "inspect.os.system"),
        names("river.utils.math", "np.load"),
        names("river.datasets", "Phishing"),
        names("river.datasets.base", "RemoteDataset"),
        names("river.stream", "iter_csv"),
        names("learners.registry", "create"),
        names("riverbank", "anything"),
    ],
    ids=range(16),
)
def test_what_is_not_on_the_list_is_refused(data: bytes) -> None:
    pickletools.dis(data, out=io.StringIO())  # it is a pickle
    with pytest.raises(ForbiddenClass):
        pickles.loads(data)


def test_a_users_module_is_read_only_when_it_is_allowed() -> None:
    model = create("tests.learners.broken:Good")
    data = pickles.dumps(model.estimator.state())
    with pytest.raises(ForbiddenClass, match=r"tests.learners.broken.Good"):
        pickles.loads(data)
    assert type(pickles.loads(data, ["tests.learners.broken"])).__name__ == "Good"
    assert type(pickles.loads(data, ["tests"])).__name__ == "Good"
    with pytest.raises(ForbiddenClass):
        pickles.loads(data, ["tests.learners.brok"])


def test_what_is_no_pickle_is_damaged() -> None:
    with pytest.raises(SnapshotDamaged):
        pickles.loads(b"no pickle")


def test_what_cannot_be_pickled_is_named() -> None:
    with pytest.raises(NotSnapshotable, match="function"):
        pickles.dumps(lambda x: x)


@pytest.mark.parametrize(
    ("type", "params"),
    [
        ("river.anomaly.HalfSpaceTrees", {"n_trees": 2}),
        ("river.cluster.DBSTREAM", {}),
        ("river.cluster.DenStream", {}),
        ("river.cluster.KMeans", {}),
        ("river.ensemble.SRPClassifier", {"n_models": 2, "model": BAYES}),
        ("river.forest.AMFClassifier", {"n_estimators": 2}),
        ("river.forest.ARFClassifier", {"n_models": 2}),
        ("river.linear_model.ALMAClassifier", {}),
        ("river.linear_model.PAClassifier", {}),
        ("river.naive_bayes.GaussianNB", {}),
        ("river.neighbors.KNNClassifier", {}),
        ("river.tree.ExtremelyFastDecisionTreeClassifier", {}),
        ("river.tree.HoeffdingAdaptiveTreeClassifier", {}),
    ],
)
def test_rivers_estimators_pass_the_list(type: str, params: dict[str, Any]) -> None:
    model = create(type, params, scale=True)
    events = phishing()[:200]
    model.run([x for x, _ in events], [model.check_label(y) for _, y in events])
    again = pickles.loads(pickles.dumps(model.estimator.state()))
    assert str(again) == str(model.estimator.state())


def test_an_unseeded_distribution_is_written_without_its_generator() -> None:
    bare, seeded = proba.Gaussian(), proba.Gaussian(seed=1)
    assert len(pickles.dumps(bare)) < 300 < len(pickles.dumps(seeded))
    again = pickles.loads(pickles.dumps(bare))
    again.update(1.0)
    again.update(2.0)
    assert again.mu == 1.5
    assert isinstance(again.sample(), float)
    assert pickles.loads(pickles.dumps(seeded)).sample() == proba.Gaussian(seed=1).sample()
