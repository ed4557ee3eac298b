"""The stores of lakes keep the contract, on files of this machine."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.sinks.contract import CHECKS, Kit
from tests.app.sinks.kits import Delta, Iceberg, Parquet


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", [Parquet, Delta, Iceberg])
def test_a_store_keeps_the_contract(
    kind: Callable[[Path], Kit], check: Callable[[Kit], None], tmp_path: Path
) -> None:
    check(kind(tmp_path))
