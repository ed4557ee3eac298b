"""The short form of each part that has one; ``make chaos`` runs all at length."""

from pathlib import Path

import pytest

from tests.chaos.parts import all_parts
from tests.chaos.scene import AS_REFERENCE, Scene, Skipped

QUICK = {"kills", "freezes", "rebalances", "poison"}
"""What ``make test`` runs of them: one kind of fault of each layer, within some minutes."""

SHORT = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.long)
    for name, part in all_parts().items()
    if part.short
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SHORT)
def test_nothing_is_lost_doubled_or_changed(name: str, kafka: str, tmp_path: Path) -> None:
    scene = Scene(name, kafka, tmp_path, seed=7, scale=0.0)
    try:
        all_parts()[name].run(scene)
    except Skipped as why:
        pytest.skip(str(why))
    assert scene.rows
    assert {row.result for row in scene.rows} == {AS_REFERENCE}
