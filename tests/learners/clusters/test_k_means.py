from __future__ import annotations

import math
import random

import numpy as np
import pytest

from learners.clusters.k_means import KMeans
from learners.errors import ParameterError


def blobs(n: int, centres: list[tuple[float, float]]) -> list[dict[str, float]]:
    rng = random.Random(3)
    picks = [rng.choice(centres) for _ in range(n)]
    return [{"a": a + rng.gauss(0, 0.1), "b": b + rng.gauss(0, 0.1)} for a, b in picks]


def learned(learner: KMeans, events: list[dict[str, float]]) -> KMeans:
    for x in events:
        learner.learn_one(x)
    return learner


def test_the_centres_are_the_means_of_well_parted_groups() -> None:
    corners = [(0.0, 0.0), (10.0, 0.0), (0.0, 10.0), (10.0, 10.0)]
    events = blobs(2000, corners)
    learner = learned(KMeans(n_clusters=4), events)
    found = sorted(np.round(learner.centres[:, :2], 1).tolist())
    assert found == sorted([a, b] for a, b in corners)


def test_without_forgetting_a_centre_is_the_plain_mean() -> None:
    events = blobs(500, [(1.0, 2.0)])
    learner = learned(KMeans(n_clusters=1, buffer=10), events)
    assert learner.centres[0, 0] == pytest.approx(sum(x["a"] for x in events) / 500, abs=1e-12)


def test_an_event_counts_half_after_the_half_life() -> None:
    events = blobs(300, [(1.0, 2.0)])
    learner = learned(KMeans(n_clusters=1, half_life=20.0, buffer=10), events)
    ages = [0.5 ** ((len(events) - 1 - i) / 20.0) for i in range(len(events))]
    mean = sum(w * x["a"] for w, x in zip(ages, events, strict=True)) / sum(ages)
    assert learner.centres[0, 0] == pytest.approx(mean, abs=1e-12)
    assert learner.masses[0] == pytest.approx(sum(ages))


def test_nothing_is_predicted_until_the_centres_are_chosen() -> None:
    learner = KMeans(n_clusters=2, buffer=5)
    events = blobs(5, [(0.0, 0.0), (9.0, 9.0)])
    learned(learner, events[:4])
    assert (learner.predict_one(events[0]), learner.score(events[0])) == (None, None)
    learner.learn_one(events[4])
    assert learner.predict_one(events[0]) in (0, 1)


def test_the_score_is_the_distance_to_the_nearest_centre() -> None:
    learner = learned(KMeans(n_clusters=1, buffer=1), [{"a": 1.0, "b": 1.0}])
    assert learner.score({"a": 4.0, "b": 5.0}) == 5.0
    assert learner.score({"a": 4.0, "unknown": 7.0}) == 3.0


def test_a_dead_centre_takes_half_of_the_heaviest() -> None:
    far, near = {"a": 100.0}, [{"a": float(i % 2)} for i in range(60)]
    learner = learned(KMeans(n_clusters=2, half_life=1.0, buffer=2), [far, near[0]])
    assert sorted(learner.centres[:, 0].tolist()) == [0.0, 100.0]
    learned(learner, near)
    assert learner.centres[:, 0].max() < 2.0
    assert sorted(np.round(learner.centres[:, 0]).tolist()) == [0.0, 1.0]


def test_fewer_distinct_events_than_centres_are_taken() -> None:
    learner = learned(KMeans(n_clusters=3, buffer=6), [{"a": 1.0}] * 20)
    assert learner.score({"a": 1.0}) == pytest.approx(0.0, abs=1e-9)
    assert all(math.isfinite(c) for c in learner.centres[:, 0])


def test_another_seed_chooses_other_centres_and_the_same_seed_the_same() -> None:
    events = blobs(100, [(0.0, 0.0), (3.0, 0.0), (0.0, 3.0), (3.0, 3.0), (6.0, 1.0)])
    seeds = [1, 2, 3, 4, 5, 1]
    found = [learned(KMeans(3, seed=s), events).centres.tolist() for s in seeds]
    assert found[0] == found[-1]
    assert len({str(centres) for centres in found}) > 1


@pytest.mark.parametrize("value", [0, -1.0, True, "long", math.nan])
def test_an_impossible_half_life_is_refused(value: object) -> None:
    with pytest.raises(ParameterError, match="half_life"):
        KMeans(half_life=value)  # type: ignore[arg-type]


def test_a_buffer_smaller_than_the_number_of_centres_is_refused() -> None:
    with pytest.raises(ParameterError, match="buffer = 4"):
        KMeans(n_clusters=5, buffer=4)
