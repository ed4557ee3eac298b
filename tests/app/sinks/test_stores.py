"""The stores of lakes keep the contract, on files of this machine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.sinks.store import Moved
from tests.app.sinks.contract import CHECKS, Kit, offsets, positions, prepared, span
from tests.app.sinks.kits import Delta, Iceberg, Parquet


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", [Parquet, Delta, Iceberg])
def test_a_store_keeps_the_contract(
    kind: Callable[[Path], Kit], check: Callable[[Kit], None], tmp_path: Path
) -> None:
    check(kind(tmp_path))


@pytest.mark.parametrize("kind", [Delta, Iceberg])
def test_who_writes_between_the_look_at_the_positions_and_the_commit_wins(
    kind: Callable[[Path], Kit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = kind(tmp_path)
    late, other = prepared(kit), prepared(kit)
    looked: Any = late._require  # type: ignore[attr-defined]

    def require(*at: Any) -> None:
        looked(*at)
        if positions(other, 0) == {0: 0}:
            other.write([span(0, 0, 2)])

    monkeypatch.setattr(late, "_require", require)

    with pytest.raises(Moved):
        late.write([span(0, 0, 3)])

    assert offsets(kit) == [(0, 0), (0, 1)]
    for store in (late, other):
        store.close()


@pytest.mark.parametrize(
    ("kind", "commits"),
    [
        (Delta, lambda table: table.version()),
        (Iceberg, lambda table: len(table.metadata.metadata_log)),
    ],
    ids=["Delta", "Iceberg"],
)
def test_rows_and_positions_are_one_commit(
    kind: Callable[[Path], Kit], commits: Callable[[Any], int], tmp_path: Path
) -> None:
    """Between two of them a kill would leave rows without their position."""
    store: Any = prepared(kind(tmp_path))
    before = commits(store._table())

    store.write([span(0, 0, 2), span(1, 0, 3)])

    assert commits(store._table()) == before + 1
    assert positions(store, 0, 1) == {0: 2, 1: 3}
    store.close()
