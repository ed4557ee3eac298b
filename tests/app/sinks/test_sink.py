"""The loop of a sink: whatever goes wrong, it goes on from the store's positions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from app.sinks.columns import Rows
from app.sinks.report import Report
from app.sinks.sink import Pace, Sink
from tests.app.sinks.fakes import AwayAfter, MemoryStore
from tests.app.sinks.test_columns import JSON, MODEL, SOURCE, OnKafka
from topics.records import Prediction

COUNT = 40
VALUE = JSON.encode(Prediction(1, True, 0.5, MODEL, SOURCE))


class Listed(OnKafka):
    """A record of a list, whose offsets have gaps."""

    def __init__(self, partition: int, offset: int, value: bytes) -> None:
        super().__init__(value)
        self._place = partition, offset

    def partition(self) -> int:
        return self._place[0]

    def offset(self) -> int:
        return self._place[1]


class ListedInput:
    """Two partitions of records at odd offsets; a rebalance comes at the polls of `rebalances`."""

    topic = "predictions"

    def __init__(self, rebalances: tuple[int, ...] = (), bad: int = -1) -> None:
        self.partitions, self.placed, self.joined = [0, 1], False, True
        self.told: dict[int, int] = {}
        self._at: dict[int, int] = {}
        self._polls, self._rebalances, self._bad = 0, rebalances, bad

    def poll(self, seconds: float, most: int) -> list[Any]:
        self._polls += 1
        if self._polls in self._rebalances:
            self.placed = False
        if not self.placed:
            return []
        found = []
        for number, at in self._at.items():
            left = [o for o in range(1, 2 * COUNT, 2) if o >= at][: max(1, most // 2)]
            found += [Listed(number, o, b"{}" if o == self._bad else VALUE) for o in left]
            if left:
                self._at[number] = left[-1] + 1
        return found

    def place(self, positions: Mapping[int, int]) -> None:
        self._at, self.placed = dict(positions), True

    def halt(self) -> None:
        self._at, self.placed = {}, False

    def commit(self, positions: Mapping[int, int]) -> None:
        self.told |= positions

    def ends(self) -> dict[int, int]:
        return {0: 2 * COUNT, 1: 2 * COUNT}

    def close(self) -> None: ...


class Letters:
    """Keeps the offsets of what is set aside."""

    def __init__(self) -> None:
        self.by_stage: dict[str, int] = {}
        self.offsets: list[int] = []

    def add(self, record: Any, stage: str, error: BaseException) -> None:
        self.by_stage[stage] = self.by_stage.get(stage, 0) + 1
        self.offsets.append(record.offset())

    def flush(self) -> None: ...


class Clock:
    """A second more at each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def run(
    store: MemoryStore, source: ListedInput, steps: int = 200
) -> tuple[Report, Letters, list[Any]]:
    """Let a sink take some steps; what its health said after each."""
    letters = Letters()
    report = Report("p", "s", letters.by_stage)
    pace = Pace(batch=7, interval=3.0, retry=20.0, writing=60.0)
    rows = Rows(Prediction, JSON.decoder(Prediction))
    reads, sets_aside = cast(Any, source), cast(Any, letters)
    sink = Sink(reads, store, rows, sets_aside, pace, report, Clock())
    said = []
    for _ in range(200):
        sink.step()
        said.append(report.health())
    return report, letters, said


def all_rows() -> list[tuple[int, int]]:
    return [(number, at) for number in (0, 1) for at in range(1, 2 * COUNT, 2)]


@pytest.mark.parametrize("taken", [True, False], ids=["taken", "not taken"])
@pytest.mark.parametrize("number", [1, 3, 8])
def test_an_outage_loses_and_doubles_nothing(number: int, taken: bool) -> None:
    store, source = AwayAfter(number, taken=taken), ListedInput()

    report, _, said = run(store, source)

    assert sorted(store.rows) == all_rows()
    assert source.told == store.at == {0: 2 * COUNT, 1: 2 * COUNT}
    away = [each for each in said if not each["ready"]]
    assert away[0]["reasons"] == ["the store is away: the connection broke"]
    assert away[-1]["reasons"] == ["the store is away: nobody answers"]
    assert said[-1]["ready"]
    assert said[-1]["lag"] == 0
    assert b'riverrun_sink_outages_total{pipeline="p",sink="s"} 1.0' in report.metrics()


@pytest.mark.parametrize("rebalances", [(2,), (2, 3, 5), (4, 9)])
def test_a_rebalance_loses_and_doubles_nothing(rebalances: tuple[int, ...]) -> None:
    store = MemoryStore()

    run(store, ListedInput(rebalances))

    assert sorted(store.rows) == all_rows()


def test_another_member_that_has_written_on_is_believed() -> None:
    store, source = MemoryStore(), ListedInput()
    original = store.write
    store.at[0] = 11  # five records are in: they are not written again

    def write(spans: Any) -> None:
        if store.writes == 2:
            store.at[1] += 4  # and two more of the other partition, by a member that was faster
        original(spans)

    store.write = write  # type: ignore[method-assign]
    run(store, source)

    assert sorted(store.rows) == sorted(set(store.rows))
    assert len(all_rows()) - len(store.rows) == 5 + 2
    assert store.at == {0: 2 * COUNT, 1: 2 * COUNT}


def test_what_cannot_be_decoded_or_is_refused_is_set_aside() -> None:
    store = MemoryStore(refused=frozenset({31}))

    report, letters, said = run(store, ListedInput(bad=21))

    assert sorted(letters.offsets) == [21, 21, 31, 31]
    assert letters.by_stage == {"decode": 2, "store": 2}
    assert sorted(store.rows) == [each for each in all_rows() if each[1] not in (21, 31)]
    assert said[-1]["rejected"] == 4
    assert b"riverrun_sink_rejected_records_total" in report.metrics()
