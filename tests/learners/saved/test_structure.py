from __future__ import annotations

import contextlib
import datetime
import os
import random
import statistics
from collections import Counter, OrderedDict, defaultdict, deque
from functools import partial
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from river import proba, stats, tree

from learners.errors import ForbiddenClass, NotSnapshotable, SnapshotDamaged, SnapshotError
from learners.registry import create
from learners.saved.fingerprint import fingerprint
from learners.saved.structure.names import Names, modules
from learners.saved.structure.read import loads
from learners.saved.structure.write import FORM, LONGEST, MORE, dumps
from tests.learners.data import phishing
from tests.learners.own_state import Saved

FUZZ = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def through(value: Any) -> Any:
    return loads(dumps([value], Names()), Names())[0]


def rows(*some: list[Any]) -> bytes:
    return b"".join(msgpack.packb(row) for row in some)


@pytest.mark.parametrize(
    "value",
    [
        None,
        -(2**63),
        2**64 - 1,
        -(2**200),
        2**64,
        0.1,
        "\ud800",
        b"bytes",
        (1, (2, "3"), ()),
        [[], [1.0]],
        {"b": 1, "a": 2, (1, 2): [3], None: {}},
        {1, 2, frozenset({3})},
        deque([1, 2], maxlen=2),
        OrderedDict(b=1, a=2),
        Counter(a=3),
        defaultdict(float, a=1.0),
        defaultdict(partial(defaultdict, partial(float, 1)), a=defaultdict(float)),
        list(range(3 * LONGEST)),
        {str(i): float(i) for i in range(LONGEST)},
        np.float64(0.1),
        np.int32(7),
        datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC),
        datetime.date(2024, 2, 29),
        datetime.timedelta(days=1, microseconds=5),
        statistics.NormalDist(1.0, 2.0),
        1j,
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_come_back_as_they_were(value: Any) -> None:
    again = through(value)
    assert type(again) is type(value)
    assert repr(again) == repr(value)
    assert fingerprint(again) == fingerprint(value)


@pytest.mark.parametrize(
    "array",
    [
        np.array([[1.0, -0.0], [np.nan, 5e-324]]),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(5, dtype=np.int8)[::2],
        np.zeros((0, 3)),
        np.array(1.5),
        np.array([True, False]),
    ],
)
def test_arrays_keep_shape_kind_order_and_bits(array: Any) -> None:
    again = through(array)
    assert (again.tobytes(), again.shape, again.dtype) == (
        array.tobytes(),
        array.shape,
        array.dtype,
    )
    assert again.flags.f_contiguous == array.flags.f_contiguous or array.ndim == 1
    again[...] = 0  # and can be written to


@pytest.mark.parametrize(
    "generator",
    [random.Random(3), np.random.RandomState(3), np.random.default_rng(3)],
    ids=lambda value: type(value).__name__,
)
def test_generators_go_on_where_they_were(generator: Any) -> None:
    generator.random()
    assert through(generator).random() == generator.random()


@pytest.mark.parametrize(
    "statistic",
    [
        stats.EWMean(),
        stats.EWVar(),
        stats.IQR(),
        stats.Kurtosis(),
        stats.PeakToPeak(),
        stats.Quantile(0.3),
        stats.RollingIQR(window_size=4),
        stats.RollingQuantile(0.3, window_size=4),
        stats.Skew(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_statistics_in_rust_go_on_where_they_were(statistic: Any) -> None:
    rng = random.Random(1)
    for _ in range(50):
        statistic.update(rng.gauss(0.0, 1.0))
    again = through(statistic)
    for _ in range(50):
        assert again.get() == statistic.get()
        value = rng.gauss(0.0, 1.0)
        statistic.update(value)
        again.update(value)


def test_references_and_cycles_survive() -> None:
    shared: list[Any] = [1]
    pair = (shared, {"pair": shared})
    shared.append(pair)
    again = through([pair, shared])
    assert again[0][0] is again[1] is again[0][1]["pair"]
    assert again[1][1] is again[0]


def test_a_deep_structure_needs_no_recursion() -> None:
    deep: list[Any] = []
    for _ in range(20_000):
        deep = [deep]
    assert fingerprint(through(deep)) == fingerprint(deep)


def test_an_unseeded_distribution_is_written_without_its_generator() -> None:
    bare, seeded = proba.Gaussian(), proba.Gaussian(seed=1)
    assert len(dumps(bare, Names())) < 300 < len(dumps(seeded, Names()))
    again = through(bare)
    again.update(1.0)
    again.update(2.0)
    assert again.mu == 1.5
    assert isinstance(again.sample(), float)
    assert through(seeded).sample() == proba.Gaussian(seed=1).sample()


class Own(Saved):
    """A class of the user's."""

    def __init__(self, value: Any) -> None:
        self.value = value


def test_a_class_of_the_users_is_read_only_where_the_new_learner_holds_it() -> None:
    data = dumps(Own(Own(1)), Names({f"{__name__}.Own": Own}))
    assert loads(data, Names({f"{__name__}.Own": Own})).value.value == 1
    with pytest.raises(SnapshotDamaged):
        loads(data, Names())
    with pytest.raises(NotSnapshotable, match="Own"):
        dumps(Own(1), Names())


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "builtins.eval",
        "builtins.getattr",
        "functools.partial",
        "learners.registry.create",
        "river.base.base.sys",
        "river.base.base.inspect.os.system",
        "river.bandit.datasets.news.NewsArticles",
        "river.bandit.datasets.base.BanditDataset",
        "river.datasets.base.RemoteDataset",
        "river.datasets.phishing.Phishing",
        "river.drift.datasets.insects.Insects",
        "river.stream.cache.Cache",
        "river.stream.iter_csv.iter_csv",
        "river.tree.HoeffdingTreeClassifier",  # where it is imported, not where it is defined
        "riverbank.anything",
    ],
)
@pytest.mark.parametrize("tag", ["object", "record", "name", "own"])
def test_what_is_not_on_the_list_is_refused(name: str, tag: str) -> None:
    with pytest.raises(SnapshotError):
        loads(rows([FORM, tag, name], [0]), Names())
    if tag != "own":
        with pytest.raises(ForbiddenClass):
            loads(rows([FORM, tag, name], [0]), Names())


def test_only_the_methods_on_the_list_are_bound() -> None:
    model = tree.HoeffdingTreeClassifier()
    with pytest.raises(ForbiddenClass, match="draw"):
        loads(dumps([model.draw], Names()), Names())
    with pytest.raises(ForbiddenClass, match="seed is not on the list"):
        loads(dumps([random.Random(1).seed], Names()), Names())


def test_rivers_modules_are_those_without_files_and_networks() -> None:
    assert {"river.tree.splitter.ebst_splitter", "river.bandit.exp3"} <= modules()
    assert not {m for m in modules() if "dataset" in m or "stream" in m.split(".")}


@pytest.mark.parametrize(
    "some",
    [
        [[]],
        [[0]],
        [["a"]],
        [[MORE, 1]],
        [[FORM, "list", ""], [0, [7]]],
        [[FORM, "list", ""], [0, [-1]]],
        [[FORM, "list", ""], [0, [[0]]]],
        [[FORM, "list", ""], [0, {}]],
        [[FORM, "tuple", ""], [0, [0]]],
        [[FORM, "dict", ""], [0, 1]],
        [[FORM, "set", ""], [FORM, "list", ""], [0, [1]], [1]],
        [[FORM, "deque", ""], [0, -1]],
        [[FORM, "deque", ""], [0, "x"]],
        [[FORM, "array", ""], [0, "<f8", False, b"12345678", 2**40]],
        [[FORM, "array", ""], [0, "<f8", False, b"12345678", 2**40, 0]],
        [[FORM, "array", ""], [0, "|O8", False, b"12345678", 1]],
        [[FORM, "list", ""], [0, ["<f8", b"123"]]],
        [[FORM, "random", ""], [0, 3, bytes(2496), 625, None]],
        [[FORM, "random", ""], [0, 3, bytes(2496), 1, "x"]],
        [[FORM, "RandomState", ""], [0, bytes(2496), 10**6, 0, 0.0]],
        [[FORM, "RandomState", ""], [0, bytes(2496), -1, 0, 0.0]],
        [[FORM, "RsQuantile", ""], [0, b"short"]],
        [[FORM, "RsRollingQuantile", ""], [0, b"\xff" * 64]],
        [[FORM, "AdaptiveWindowing", ""], [0, b"\xff" * 200]],
        [[FORM, "VectorDict", ""], [0, None, None, "a"]],
        [[FORM, "partial", ""], [0, 5, 0]],
        [[FORM, "iterator", "x", 5], [0]],
        [[FORM, "nothing", ""], [0]],
    ],
    ids=range(28),
)
def test_rows_that_cannot_be_are_refused(some: list[list[Any]]) -> None:
    with pytest.raises(SnapshotDamaged):
        loads(rows(*some), Names())


def test_a_length_without_its_bytes_asks_for_no_memory() -> None:
    for data in (b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff"):
        with pytest.raises(SnapshotDamaged):
            loads(data * 500, Names())


@pytest.fixture
def no_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """What must not be reached from a body fails the test, through an error that nobody catches."""

    class Called(BaseException):
        pass

    def called(*_: Any, **__: Any) -> Any:
        raise Called

    for name in ("system", "popen", "remove", "rename"):
        monkeypatch.setattr(os, name, called)
    monkeypatch.setattr("builtins.eval", called)
    monkeypatch.setattr("urllib.request.urlopen", called)
    monkeypatch.setattr(tree.HoeffdingTreeClassifier, "__init__", called)


def forest() -> bytes:
    model = create("river.forest.ARFClassifier", {"n_models": 2, "grace_period": 20})
    some = phishing()[:120]
    model.run([x for x, _ in some], [y for _, y in some])
    return dumps(model.estimator.state(), Names())


FOREST = forest()
TAGS = ["array", "defaultdict", "deque", "dict", "frozenset", "list", "method", "name", "object"]
TAGS += ["partial", "random", "RandomState", "record", "RsQuantile", "set", "tuple", "VectorDict"]
NAMED = ["", "builtins.dict", "copy.deepcopy", "os.system", "river.stats.mean.Mean"]
NAMED += ["river.tree.hoeffding_tree_classifier.HoeffdingTreeClassifier", "river.datasets.base"]
ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.integers(0, 8),
    st.floats(),
    st.sampled_from(["<f8", "<i4", "seed", "gauss", "__class__", "__dict__", "_rng"]),
    st.binary(max_size=16),
    st.lists(st.integers(0, 8), min_size=1, max_size=2),
)
FORMS = st.lists(
    st.tuples(
        st.just(FORM),
        st.sampled_from(TAGS),
        st.sampled_from(NAMED),
        st.sampled_from(["seed", "_rng", "__class__", "__dict__"]),
    ).map(list),
    min_size=1,
    max_size=4,
)
ROWS = st.lists(st.lists(ATOMS, max_size=6), min_size=1, max_size=8)


def refused_or_read(data: bytes) -> None:
    with contextlib.suppress(SnapshotError):
        loads(data, Names())


@pytest.mark.usefixtures("no_calls")
@FUZZ
@given(FORMS, ROWS, st.data())
def test_made_up_rows_are_read_or_refused(
    forms: list[Any], made: list[list[Any]], data: st.DataObject
) -> None:
    numbers = st.integers(0, len(forms) - 1)
    refused_or_read(rows(*forms, *([data.draw(numbers), *row] for row in made)))


@pytest.mark.usefixtures("no_calls")
@FUZZ
@given(st.integers(0, len(FOREST) - 1), st.binary(min_size=1, max_size=9), st.booleans())
def test_a_changed_body_is_read_or_refused(at: int, bits: bytes, inserted: bool) -> None:
    refused_or_read(FOREST[:at] + bits + FOREST[at + (0 if inserted else len(bits)) :])


@pytest.mark.usefixtures("no_calls")
@FUZZ
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    refused_or_read(data)


@pytest.mark.parametrize("kind", [set, frozenset])
def test_a_set_is_walked_in_the_same_order(kind: type) -> None:
    """Of 8 and 16 the hashes collide in a small table: the first one that came comes first."""
    for members in ([8, 16, 0], [16, 8, 0], [0, 16, 8], [24, 1, 8, 0, 16]):
        value = kind(members)
        assert list(through(value)) == list(value)
