"""What every test shares, what is collected here, and in which order several processes take it."""

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from _pytest.doctest import DoctestModule

WAIT = {"chaos", "kafka", "stores"}
"""Folders whose tests wait for servers most of their time."""


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own `RIVERRUN_*` variables would override the pipeline files of the tests."""
    for name in [name for name in os.environ if name.startswith("RIVERRUN_")]:
        monkeypatch.delenv(name)


@pytest.hookimpl(wrapper=True)
def pytest_collect_file() -> Generator[None, list[Any], list[Any]]:
    """No test has a doctest: to look for them in each takes a good part of the collecting."""
    found = yield
    return [each for each in found if not isinstance(each, DoctestModule)]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """For several processes: files that wait are spread evenly among those that compute.

    Else all processes would compute at first, and all wait in the end.
    """
    if hasattr(config, "workerinput"):
        files: dict[Path, list[pytest.Item]] = {}
        for item in items:
            files.setdefault(item.path, []).append(item)
        items[:] = [item for path in spread(list(files)) for item in files[path]]


def spread(paths: list[Path]) -> list[Path]:
    """Both kinds of files in their own order, and at any place about the same share of each."""
    kinds: list[list[Path]] = [[], []]
    for path in paths:
        kinds[WAIT.isdisjoint(path.parts)].append(path)
    places = [((n + 0.5) / len(kind), path) for kind in kinds for n, path in enumerate(kind)]
    return [path for _, path in sorted(places)]
