"""What a page knows of its worker."""

from __future__ import annotations

import pytest

from app.page import told
from app.page.told import Told, words

HEALTH = {"ready": True, "partitions": [0, 3], "events": 7, "commits": 2}
SILENT = "the worker was not heard of for 0 s"


def test_a_worker_that_was_never_heard_of_is_not_ready() -> None:
    assert Told().health()["ready"] is False


def test_what_the_worker_says_is_what_is_known() -> None:
    heard = Told()
    heard.hear(words(HEALTH, {"scored": 5}, {"records": 6}))
    assert (heard.health(), heard.counts()) == (HEALTH, {"scored": 5})
    assert heard.measures() == {"records": 6}


def test_a_worker_that_is_silent_for_long_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Told()
    heard.hear(words(HEALTH, {}, {}))
    monkeypatch.setattr(told, "STALE_SECONDS", -1.0)
    assert heard.health() == {**HEALTH, "ready": False, "reasons": [SILENT]}
    assert heard.alive() == {"alive": True, "reasons": []}


def test_a_worker_that_is_silent_for_longer_than_any_batch_takes_is_dead() -> None:
    assert Told(dead=-1.0).alive() == {"alive": False, "reasons": [SILENT]}
