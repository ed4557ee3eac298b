"""A worker leaves the walks through its memory for later; it does not give them up."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from app.worker.garbage import NEW_OBJECTS, collect_seldom


@pytest.fixture
def collector() -> Iterator[None]:
    """As it was, afterwards."""
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.mark.usefixtures("collector")
def test_python_still_looks_for_garbage_but_seldom_and_not_in_what_stays() -> None:
    collect_seldom()
    assert gc.isenabled()
    assert gc.get_threshold()[0] == NEW_OBJECTS
    assert gc.get_freeze_count() > 0
