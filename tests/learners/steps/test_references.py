"""Steps that River lacks, against their formulas written out naively, on real data."""

from __future__ import annotations

import math
from collections import Counter
from itertools import islice
from typing import Any

import numpy as np
import pytest

from learners.engine.kernels import Floats
from learners.steps.gaussian_projection import GaussianProjection
from learners.steps.incremental_pca import IncrementalPCA
from learners.steps.projection import uniform
from learners.steps.select_by_information import SelectByInformation
from learners.steps.select_by_weight import SelectByWeight
from learners.steps.sparse_projection import SparseProjection
from tests.learners.data import approval, phishing, segments


class NaivePCA:
    """CCIPCA as in the paper, over whole vectors."""

    def __init__(self, n: int, amnesia: float) -> None:
        self.rows: list[Floats] = []
        self.vectors: list[Floats] = []
        self.ages: list[int] = []
        self.n, self.amnesia = n, amnesia

    def learn(self, row: Floats) -> None:
        self.rows.append(row)
        u = row - np.mean(self.rows, axis=0)
        for k in range(self.n):
            if k == len(self.vectors):
                if np.linalg.norm(u) > 1e-100:
                    self.vectors.append(u)
                    self.ages.append(1)
                return
            v = self.vectors[k]
            self.ages[k] += 1
            age = self.ages[k]
            extra = self.amnesia if age > self.amnesia + 1 else 0.0
            v = (age - 1 - extra) / age * v + (1 + extra) / age * u * (u @ v) / np.linalg.norm(v)
            self.vectors[k] = v
            unit = v / np.linalg.norm(v)
            u = u - (u @ unit) * unit

    def components(self, row: Floats) -> list[float]:
        u = row - np.mean(self.rows, axis=0)
        return [float(u @ v) / float(np.linalg.norm(v)) for v in self.vectors]


def test_pca_follows_the_papers_formula() -> None:
    step, naive = IncrementalPCA(n_components=3), NaivePCA(3, 2.0)
    for x, _ in phishing()[:400]:
        row = np.array(list(x.values()))
        step.learn_one(x)
        naive.learn(row)
        expected = naive.components(row) + [0.0] * 3
        assert list(step.transform_one(x).values()) == pytest.approx(expected[:3], abs=1e-9)


def test_pca_finds_the_directions_of_most_variance() -> None:
    step = IncrementalPCA(n_components=2)
    matrix = np.array([list(x.values()) for x, _ in segments()])
    for x, _ in segments():
        step.learn_one(x)
    _, vectors = np.linalg.eigh(np.cov(matrix.T))
    order = np.argsort([int(c) for c in range(matrix.shape[1])])
    columns = [step.columns.index[name] for name in segments()[0][0]]
    for k in range(2):
        found = step.directions[k, columns][order]
        cosine = found @ vectors[:, -1 - k] / np.linalg.norm(found)
        assert abs(cosine) > 0.98, k


def test_an_absent_feature_is_at_its_mean() -> None:
    step = IncrementalPCA(n_components=1)
    for x, _ in approval():
        step.learn_one(x)
    means = dict(zip(step.columns.names, step.means.tolist(), strict=False))
    x = approval()[0][0]
    first, *rest = x
    without = {name: x[name] for name in rest}
    assert step.transform_one(without) == step.transform_one({**x, first: means[first]})


def naive_selection(k: int, rate: float, l2: float) -> tuple[dict[str, float], list[set[str]]]:
    """Algorithm 3 of the paper over dicts: the weights, and what was chosen after each event."""
    weights: dict[str, float] = {}
    chosen = []
    for x, y in phishing():
        sign = 1.0 if y else -1.0
        margin = sum(weights.get(name, 0.0) * value for name, value in x.items())
        weights = {name: (1.0 - l2 * rate) * w for name, w in weights.items()}
        if sign * margin <= 1.0:
            for name, value in x.items():
                weights[name] = weights.get(name, 0.0) + rate * sign * value
            length = math.sqrt(sum(w * w for w in weights.values()))
            weights = {n: w * min(1.0, 1.0 / math.sqrt(l2) / length) for n, w in weights.items()}
        best = sorted(sorted(weights), key=lambda name: -abs(weights[name]))[:k]
        weights = {name: weights[name] for name in best}
        chosen.append({name for name in best if weights[name] != 0.0})
    return weights, chosen


@pytest.mark.parametrize(("k", "l2"), [(3, 0.01), (5, 1.0)])
def test_selection_by_weight_follows_the_papers_algorithm(k: int, l2: float) -> None:
    step = SelectByWeight(k=k, l2=l2)
    weights, chosen = naive_selection(k, 0.2, l2)
    for (x, y), best in zip(phishing(), chosen, strict=True):
        step.learn_one(x, y)
        passed = set(step.transform_one(x))
        assert best <= passed
        assert len(passed) == k
    got = dict(zip(step.columns.names, step.weights.tolist(), strict=False))
    assert {name: w for name, w in got.items() if w} == pytest.approx(
        {name: w for name, w in weights.items() if w}
    )


def binned(values: list[float], bins: int) -> int:
    """The bin of the last of these values, by the mean and variance of all of them."""
    spread = float(np.std(values))
    z = (values[-1] - float(np.mean(values))) / spread if spread > 1e-9 else 0.0
    share = 0.5 * math.erfc(-z / math.sqrt(2.0))
    return min(bins - 1, math.ceil(share * bins) - 1) if share > 0 else 0


def naive_information(pairs: list[tuple[int, Any]]) -> float:
    """Mutual information by its definition, less its bias."""
    n, cells = len(pairs), Counter(pairs)
    bins, classes = Counter(b for b, _ in pairs), Counter(c for _, c in pairs)
    total = sum(
        count / n * math.log(count * n / (bins[b] * classes[c])) for (b, c), count in cells.items()
    )
    return max(0.0, total - (len(cells) - len(bins) - len(classes) + 1) / (2.0 * n))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_mutual_information_is_that_of_its_definition(task: Any) -> None:
    step = SelectByInformation(k=2, bins=5)
    step.prepare(task)
    classes: dict[Any, int] = {}
    data = {"binary": phishing(), "multiclass": segments(), "regression": approval()}[task]
    seen: dict[str, list[float]] = {name: [] for name in data[0][0]}
    pairs: dict[str, list[tuple[int, Any]]] = {name: [] for name in seen}
    labels: list[float] = []
    for i, (x, y) in enumerate(data[:300]):
        there = {name: v for j, (name, v) in enumerate(x.items()) if (i + j) % 5}
        said = y if task == "regression" else classes.setdefault(y, len(classes))
        labels.append(float(said))
        step.learn_one(there, said)
        label = binned(labels, 5) if task == "regression" else said
        for name, value in there.items():
            seen[name].append(value)
            pairs[name].append((binned(seen[name], 5), label))
    got = dict(zip(step.columns.names, step.merits.tolist(), strict=False))
    expected = {name: naive_information(each) for name, each in pairs.items()}
    assert got == pytest.approx(expected, abs=1e-9)
    best = sorted(expected, key=lambda name: -expected[name])[:2]
    assert set(step.transform_one(data[0][0])) == set(best)


def test_a_gaussian_projection_is_normal_and_keeps_distances() -> None:
    step = GaussianProjection(n_components=400)
    numbers = np.concatenate([step._vector(f"feature {i}") for i in range(50)]) * 20.0
    assert abs(numbers.mean()) < 0.03
    assert numbers.std() == pytest.approx(1.0, abs=0.02)
    assert (np.abs(numbers) < 1.0).mean() == pytest.approx(0.6827, abs=0.01)
    (x, _), (z, _) = segments()[0], segments()[500]
    gap = math.dist(list(x.values()), list(z.values()))
    a, b = step.transform_one(x), step.transform_one(z)
    assert math.dist(list(a.values()), list(b.values())) == pytest.approx(gap, rel=0.15)


def test_a_sparse_projection_has_the_density_and_the_size_that_it_is_given() -> None:
    step = SparseProjection(n_components=100, density=0.2)
    numbers = np.concatenate([step._vector(f"feature {i}") for i in range(100)])
    values, counts = np.unique(numbers, return_counts=True)
    size = 1.0 / math.sqrt(0.2 * 100)
    assert values.tolist() == pytest.approx([-size, 0.0, size])
    assert (counts / 10_000).tolist() == pytest.approx([0.1, 0.8, 0.1], abs=0.015)


def test_a_vector_depends_on_the_name_and_the_seed_alone() -> None:
    assert GaussianProjection(3).transform_one({"a": 1.0, "b": 2.0}) == GaussianProjection(
        3
    ).transform_one({"b": 2.0, "a": 1.0})
    assert GaussianProjection(3, seed=1).transform_one({"a": 1.0}) != GaussianProjection(
        3
    ).transform_one({"a": 1.0})
    assert list(islice(uniform("0 a"), 2)) == [0.6450185120260211, 0.13814816852116008]
