from __future__ import annotations

import numpy as np
import pytest

from learners.clusters.mini_batch_k_means import MiniBatchKMeans
from learners.errors import ParameterError
from tests.learners.clusters.test_k_means import blobs

CORNERS = [(0.0, 0.0), (5.0, 0.0), (0.0, 5.0), (5.0, 5.0)]


def test_it_moves_by_the_papers_algorithm() -> None:
    learner = MiniBatchKMeans(n_clusters=4, batch_size=20)
    events = blobs(400, CORNERS)
    for x in events[:20]:
        learner.learn_one(x)
    centres, counts = learner.centres[:, :2].copy(), learner.masses.copy()
    for start in range(20, 400, 20):
        batch = np.array([[x["a"], x["b"]] for x in events[start : start + 20]])
        cached = [int(((centres - row) ** 2).sum(axis=1).argmin()) for row in batch]
        for row, k in zip(batch, cached, strict=True):
            counts[k] += 1
            centres[k] = (1 - 1 / counts[k]) * centres[k] + row / counts[k]
        for x in events[start : start + 20]:
            learner.learn_one(x)
        assert learner.centres[:, :2] == pytest.approx(centres, abs=1e-12)
    assert learner.masses.tolist() == counts.tolist()


def test_the_centres_are_the_means_of_well_parted_groups() -> None:
    learner = MiniBatchKMeans(n_clusters=4)
    for x in blobs(2000, CORNERS):
        learner.learn_one(x)
    found = sorted(np.round(learner.centres[:, :2], 1).tolist())
    assert found == sorted([a, b] for a, b in CORNERS)


def test_nothing_moves_until_a_batch_is_full() -> None:
    learner = MiniBatchKMeans(n_clusters=2, batch_size=10)
    events = blobs(20, CORNERS)
    for x in events[:10]:
        learner.learn_one(x)
    before = learner.centres.tolist()
    for x in events[10:19]:
        learner.learn_one(x)
    assert learner.centres.tolist() == before
    learner.learn_one(events[19])
    assert learner.centres.tolist() != before


def test_a_batch_smaller_than_the_number_of_centres_is_refused() -> None:
    with pytest.raises(ParameterError, match="batch_size = 3"):
        MiniBatchKMeans(n_clusters=4, batch_size=3)
