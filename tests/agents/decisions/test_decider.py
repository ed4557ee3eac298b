"""Decisions: by a threshold, or within a budget that is never overdrawn."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, nan
from typing import Any, NamedTuple

import numpy as np
import pytest

from agents.decisions.decider import Decider, Decisions, DecisionSettings
from agents.keys import key_of
from agents.state import State
from tests.agents.decisions.one_by_one import OneByOne

DAY = 86_400_000


class Decision(NamedTuple):
    """What became of one event."""

    alert: bool
    threshold: float | None
    again: bool


class Stream(NamedTuple):
    """Events in the order of time."""

    times: list[int]
    entities: list[Any]
    scores: list[float | None]

    def between(self, first: int, last: int) -> Stream:
        """The days from ``first`` to before ``last``."""
        kept = [i for i, time in enumerate(self.times) if first <= time // DAY < last]
        return Stream(*([column[i] for i in kept] for column in self))  # type: ignore[arg-type]


def days(n: int, cards: int = 400, seed: int = 1, first: int = 17_600) -> Stream:
    """Two events of each card a day, most around noon; the scores are skewed."""
    rng = np.random.default_rng(seed)
    times, entities, scores = [], [], []
    for day in range(first, first + n):
        at = np.sort(np.clip(rng.normal(0.5, 0.2, 2 * cards), 0.0, 0.999))
        times += (day * DAY + (at * DAY).astype(int)).tolist()
        entities += [f"c{card}" for card in rng.integers(cards, size=2 * cards).tolist()]
        scores += rng.beta(0.3, 3.0, 2 * cards).tolist()
    return Stream(times, entities, scores)


def each(decisions: Decisions) -> list[Decision]:
    """The decisions one by one; None for a threshold that does not exist."""
    alerts, thresholds, again = (column.tolist() for column in decisions)
    known = [None if t != t else t for t in thresholds]
    return list(map(Decision, alerts, known, again))


def decided(stream: Stream, budget: int = 20, size: int | None = None) -> tuple[Any, Any]:
    """All decisions and the state, in batches of a size with a restore after each."""
    settings = DecisionSettings(budget=budget)
    entries: dict[str, bytes] = {}
    found: list[Decision] = []
    for at in range(0, len(stream.times), size or len(stream.times)):
        state = State(entries)
        decider = Decider(settings, state)
        batch = [column[at : at + (size or len(stream.times))] for column in stream]
        found += each(decider.decide(*batch))  # type: ignore[arg-type]
        decider.save()
        entries |= {key: value for key, value in state.changes().items() if value is not None}
    return found, entries


def firsts(stream: Stream, decisions: Sequence[Decision]) -> dict[int, list[Any]]:
    """The entities that were alerted on each day."""
    found: dict[int, list[Any]] = {time // DAY: [] for time in stream.times}
    for time, entity, decision in zip(stream.times, stream.entities, decisions, strict=True):
        if decision.alert and not decision.again:
            found[time // DAY].append(entity)
    return found


def best(stream: Stream, k: int) -> dict[int, set[Any]]:
    """The k entities with the highest scores of each day."""
    highest: dict[int, dict[Any, float]] = {}
    for time, entity, score in zip(*stream, strict=True):
        day = highest.setdefault(time // DAY, {})
        day[entity] = max(score or 0.0, day.get(entity, 0.0))
    return {
        day: set(sorted(scores, key=lambda e: -scores[e])[:k]) for day, scores in highest.items()
    }


def test_a_threshold_alerts_from_it_on() -> None:
    decider = Decider(DecisionSettings(threshold=0.5), State())
    scores = [0.4, 0.5, 0.6, None, nan, inf]
    found = each(decider.decide([0] * 6, None, scores))
    assert [one.alert for one in found] == [False, True, True, False, False, False]
    assert {one.threshold for one in found} == {0.5}


def test_a_budget_is_never_overdrawn_and_nearly_spent_on_the_highest_scores() -> None:
    stream = days(12)
    decisions, _ = decided(stream)
    found, wanted = firsts(stream, decisions), best(stream, 20)
    assert all(len(entities) == len(set(entities)) <= 20 for entities in found.values())
    late = sorted(found)[2:]
    assert np.mean([len(found[day]) for day in late]) > 19
    assert np.mean([len(wanted[day] & set(found[day])) for day in late]) > 14


def test_the_budget_is_not_spent_in_the_morning() -> None:
    stream = days(12)
    decisions, _ = decided(stream)
    alerts = [
        time % DAY / DAY
        for time, decision in zip(stream.times, decisions, strict=True)
        if decision.alert and not decision.again and time // DAY > 17_603
    ]
    assert 0.4 < np.mean(alerts) < 0.6
    assert max(alerts) > 0.85


def test_a_day_on_which_all_scores_are_higher_does_not_spend_it_at_once() -> None:
    stream = days(8)
    for i, time in enumerate(stream.times):
        score = stream.scores[i]
        if time // DAY == 17_607 and score is not None:
            stream.scores[i] = 5.0 + score
    decisions, _ = decided(stream)
    found, wanted = firsts(stream, decisions), best(stream, 20)
    assert len(set(found[17_607]) & wanted[17_607]) >= 6  # by the past days alone: 2


def test_equal_scores_do_not_break_the_budget() -> None:
    stream = days(6)
    stream.scores[:] = [round(score or 0.0) for score in stream.scores]
    found = firsts(stream, decided(stream)[0])
    assert [len(entities) for entities in found.values()][1:] == [20] * 5


def test_an_alerted_entity_stays_alerted_from_the_same_score_on() -> None:
    stream = days(5)
    decider = Decider(DecisionSettings(budget=20), State())
    decisions = each(decider.decide(*stream))
    thresholds: dict[tuple[int, Any], float | None] = {}
    again = 0
    for time, entity, score, one in zip(*stream, decisions, strict=True):
        key = time // DAY, entity
        if key in thresholds:
            assert one.again == (one.alert)
            assert one.threshold == thresholds[key]
            assert (one.alert) == ((score or 0.0) >= (one.threshold or 0.0))
            again += one.again
        elif one.alert:
            thresholds[key] = one.threshold
    assert again > 5


def test_a_decision_agrees_with_its_threshold() -> None:
    stream = days(4)
    for score, one in zip(stream.scores, decided(stream)[0], strict=True):
        reached = one.threshold is not None and (score or 0.0) >= one.threshold
        assert one.alert == reached


@pytest.mark.parametrize("budget", [1, 9, 150])
@pytest.mark.parametrize("kind", ["texts", "none", "mixed"])
def test_decisions_are_those_of_one_event_at_a_time(budget: int, kind: str) -> None:
    stream = days(4, cards=350)
    rng = np.random.default_rng(3)
    late = rng.integers(9**8, size=len(stream.times)).tolist()
    times = [time - ms for time, ms in zip(stream.times, late, strict=True)]
    scores = [
        None if i % 11 == 0 else round(score or 0.0, 2) for i, score in enumerate(stream.scores)
    ]
    entities = [None] * len(times) if kind == "none" else stream.entities
    if kind == "mixed":
        some = (None, 1.0, True, 1, "1")
        entities = [some[i % 5] if i % 3 == 0 else entity for i, entity in enumerate(entities)]
    keys = [None if entity is None else key_of("", entity) for entity in entities]
    slow = OneByOne(budget)
    expected = [slow.decide(*one) for one in zip(times, keys, scores, strict=True)]
    found, _ = decided(Stream(times, entities, scores), budget, 997)
    assert found == [(alert, None if t != t else t, again) for alert, t, again in expected]
    assert sum(one.alert for one in found) > 3


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(("entities", "budget"), [(True, 9), (True, 150), (False, 9)])
def test_batches_and_restores_change_nothing(size: int, entities: bool, budget: int) -> None:
    stream = days(3, cards=100)
    rng = np.random.default_rng(2)
    stream.times[:] = [
        t - int(late) for t, late in zip(stream.times, rng.integers(9**8, size=600), strict=True)
    ]
    for i in range(0, 600, 9):
        stream.scores[i] = None
    if not entities:
        stream.entities[:] = [None] * 600
    assert decided(stream, budget, size) == decided(stream, budget)


def test_without_entities_the_budget_counts_events() -> None:
    stream = days(4)
    stream.entities[:] = [None] * len(stream.times)
    found = firsts(stream, decided(stream)[0])
    assert [len(events) for events in found.values()] in ([20] * 4, [19, 20, 20, 20])


@pytest.mark.parametrize(("budget", "partitions"), [(1, 4), (10, 4), (100, 3), (7, 7)])
def test_the_shares_of_all_partitions_are_the_budget(budget: int, partitions: int) -> None:
    each = [
        DecisionSettings(budget=budget, partition=p, partitions=partitions)
        for p in range(partitions)
    ]
    for span in range(50):
        assert sum(one.share(span) for one in each) == budget
    totals = [sum(one.share(span) for span in range(4 * partitions)) for one in each]
    assert len(set(totals)) == 1


def test_the_first_day_is_paced_by_the_clock() -> None:
    decider = Decider(DecisionSettings(budget=10), State())
    times = [17_600 * DAY + i * DAY // 1000 for i in range(1000)]
    scores = [float(i) for i in range(1000)]
    found = each(decider.decide(times, [f"c{i}" for i in range(1000)], scores))
    alerts = [i for i, one in enumerate(found) if one.alert]
    assert len(alerts) == 10
    assert all(i >= 100 * n for n, i in enumerate(alerts))


def test_the_state_stays_small() -> None:
    sizes = []
    for n in (10, 14):
        _, entries = decided(days(n, cards=2000), 10)
        sizes.append(sum(map(len, entries.values())))
    assert set(entries) == {"decisions/now", "decisions/past"}
    assert max(sizes) < 60_000
    assert sizes[1] < 1.2 * sizes[0]


def test_an_event_that_comes_late_belongs_to_the_present_span() -> None:
    stream = days(3)
    decider = Decider(DecisionSettings(budget=20), State())
    decider.decide(*stream)
    now = each(decider.decide([17_603 * DAY - 1], ["x"], [0.0]))
    late = each(decider.decide([17_600 * DAY], ["y"], [0.0]))
    assert late == now
    (next_day,) = each(decider.decide([17_603 * DAY], ["x"], [0.0]))
    assert now[0].threshold != next_day.threshold


def test_a_budget_for_spans_of_another_length_begins_anew() -> None:
    hours, day = DAY // 24, DAY
    state = State()
    stream = days(3)
    before = Decider(DecisionSettings(budget=4, per=hours), state)
    before.decide(*stream)
    before.save()
    after = Decider(DecisionSettings(budget=20, per=day), state)
    later = days(3, seed=2, first=stream.times[-1] // DAY + 1)
    anew = Decider(DecisionSettings(budget=20, per=day), State())
    assert each(after.decide(*later)) == each(anew.decide(*later))
