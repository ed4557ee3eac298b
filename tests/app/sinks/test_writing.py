"""Rows that a store refuses are found, set aside, and cost no other row."""

import random

import pytest

from app.sinks.store import Refused, SinkError, Span
from app.sinks.writing import write
from tests.app.sinks.contract import span
from tests.app.sinks.fakes import MemoryStore


@pytest.mark.parametrize("seed", range(5))
def test_all_but_the_refused_rows_are_written(seed: int) -> None:
    draw = random.Random(seed)
    refused = frozenset(draw.sample(range(200), draw.choice([0, 1, 5, 60])))
    store, aside = MemoryStore(refused), list[tuple[int, int]]()

    def set_aside(partition: int, offset: int, error: Refused) -> None:
        assert str(error) == f"no {offset} here"
        assert store.at.get(partition, 0) <= offset, "the position has not moved beyond it yet"
        aside.append((partition, offset))

    write(store, [span(0, 0, 100), Span(1, 0, 7, []), span(2, 0, 205, *range(100, 200))], set_aside)

    every = {(0, at) for at in range(100)} | {(2, at) for at in range(100, 200)}
    assert sorted(aside) == sorted(each for each in every if each[1] in refused)
    assert sorted(store.rows) == sorted(every - set(aside))
    assert store.at == {0: 100, 1: 7, 2: 205}
    if not refused:
        assert store.writes == 1


def test_a_store_that_takes_no_position_ends_the_sink() -> None:
    class Refusing(MemoryStore):
        def write(self, spans: object) -> None:
            raise Refused("read only")

    with pytest.raises(SinkError, match="the store takes no position: read only"):
        write(Refusing(), [span(0, 0, 1)], lambda *_: None)
