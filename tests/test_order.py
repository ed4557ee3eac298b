"""In which order several processes take the files of tests."""

from pathlib import Path

from tests.conftest import spread


def test_files_that_wait_are_spread_evenly_and_none_is_lost() -> None:
    waiting = [Path(f"tests/kafka/test_{n}.py") for n in range(3)]
    computing = [Path(f"tests/agents/test_{n}.py") for n in range(9)]
    found = spread([*computing, *waiting])
    assert sorted(found) == sorted([*computing, *waiting])
    for start in (0, 4, 8):
        assert len({*found[start : start + 4]} & {*waiting}) == 1
    for kind in (waiting, computing):
        assert [path for path in found if path in kind] == kind
