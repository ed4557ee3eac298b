from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from agents.entities.declare import EntityTable
from agents.entities.entities import Entities
from agents.entities.rows import PastMismatch
from agents.entities.store import Store
from agents.state import State
from tests.agents.entities.reference import DAY, event, label
from tests.agents.one_by_one import Op, apply

D = 86_400.0
TABLE = EntityTable(4, "card", features=("count", "mean(amount)"), windows=(D, 7 * D))


def filled(cards: int, state: State) -> Entities:
    entities = Entities([TABLE], state)
    apply(entities, [event(DAY, card=card, amount=1.0) for card in range(cards)])
    entities.save()
    return entities


def store(entities: Entities) -> Store:
    return entities._pasts[0].store


def test_an_entity_is_saved_under_its_value_in_a_fixed_size_and_only_when_it_changed() -> None:
    state = State()
    entities = filled(0, state)
    apply(entities, [event(DAY, card=card, amount=1.0) for card in (1, "1", 'é"')])
    entities.save()
    changes = state.changes()
    assert set(changes) == {"entity/4", "entity/4/1", 'entity/4/"1"', 'entity/4/"é\\""'}
    sizes = {len(value or b"") for key, value in changes.items() if key != "entity/4"}
    assert sizes == {1 + 16 + 9 * 8 + 5 * 8}
    apply(entities, [event(DAY + 1, card=1, amount=1.0)])
    entities.save()
    changes = state.changes()
    assert not changes
    assert [set(patches.decode()) for patches in changes.patches] == [{"entity/4/1"}]
    entities.save()
    assert state.changes() == {}


def test_all_that_changed_is_saved_where_the_rows_grew_in_between() -> None:
    state = State()
    entities = Entities([TABLE], state)
    for cards in (range(10), range(10, 500)):
        apply(entities, [event(DAY, card=card, amount=1.0) for card in cards])
    entities.save()
    assert len(state) == 501
    asked = event(DAY, card=3, amount=3.0)
    apply(Entities([TABLE], state), [asked])
    assert asked.fields["card_mean_amount_1d"] == 2.0


def test_what_nobody_remembers_is_deleted_and_its_row_used_again() -> None:
    state = State()
    entities = filled(30, state)
    rows = len(store(entities).pasts.integers)
    state.changes()
    for day in range(2, 40):
        apply(entities, [event(day * DAY, card=f"{day}-{i}", amount=1.0) for i in range(3)])
        entities.save()
    assert len(store(entities)) == 3 * 9
    assert len(state) == 3 * 9 + 1
    assert len(store(entities).pasts.integers) == rows
    changes = state.changes()
    assert sum(value is None for value in changes.values()) == 30 + 3 * 29


def test_an_entity_that_is_only_asked_for_is_not_kept() -> None:
    state = State()
    entities = Entities([EntityTable(0, "terminal", "labels", ("count",))], state)
    apply(entities, [event(DAY, terminal=i) for i in range(10)])
    entities.save()
    assert list(state) == ["entity/0"]


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"field": "terminal"}, "field = 'card'"),
        ({"source": "labels"}, "source = 'events'"),
        ({"features": ("count",)}, "sums of = ['amount']"),
        ({"windows": (D,)}, "buckets = 9"),
        ({"bucket": D / 2}, "bucket = 86400"),
    ],
)
def test_a_past_of_other_settings_is_refused_by_name(settings: dict[str, Any], what: str) -> None:
    state = State()
    filled(1, state)
    with pytest.raises(PastMismatch, match=rf"entities\[4\]: .* was made with {re.escape(what)}"):
        Entities([replace(TABLE, **settings)], state)


def test_a_past_of_another_version_or_size_is_refused() -> None:
    state = State()
    filled(1, state)
    saved = state.get("entity/4/0") or b""
    for wrong, what in ((b"\x02" + saved[1:], "version 2"), (saved[:-8], "120 bytes, not 128")):
        state.put("entity/4/0", wrong)
        with pytest.raises(PastMismatch, match=what):
            Entities([TABLE], state)


def test_other_windows_within_the_same_buckets_go_on_with_the_same_past() -> None:
    state = State()
    filled(2, state)
    table = EntityTable(4, "card", features=("sum(amount)", "mean(amount)"), windows=(3 * D, 7 * D))
    entities, asked = Entities([table], state), event(DAY, card=1, amount=2.0)
    apply(entities, [asked])
    assert asked.fields["card_sum_amount_3d"] == 3.0


def test_the_clock_of_the_stream_is_restored() -> None:
    late: list[Op] = [event(0, card=1, amount=1.0)]
    state = State()
    entities = Entities([TABLE], state)
    apply(entities, [label(30 * DAY, 29 * DAY, None, "drop")])
    entities.save()
    apply(Entities([TABLE], state), late)
    assert late[0].fields["card_count_1d"] == 0.0
