"""A state goes back to its newest whole position, whatever somebody wrote behind it."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from app.state.history import History
from app.worker.state import log as module
from app.worker.state.layout import MODEL, PLAIN, POSITION, Row, log_key, piece_key
from tests.app.worker.state.compacted import Compacted, Owner, plain, restored


@pytest.fixture
def owner(monkeypatch: pytest.MonkeyPatch) -> Owner:
    """Of a state with a log, a base, a model in chunks, and a large value."""
    for name, value in (("RECORD", 2_000), ("FLOOR", 6_000), ("LARGE", 400)):
        monkeypatch.setattr(module, name, value)
    made = Owner(Compacted(random.Random(1)))
    go_on(made, 200)
    return made


def go_on(owner: Owner, transactions: int) -> None:
    draw = random.Random(transactions)
    for number in range(transactions):
        for _ in range(5):
            owner.state.put(f"k/{draw.randrange(200)}", draw.randbytes(50))
        owner.state.put("large", draw.randbytes(500))
        owner.model = draw.randbytes(5_000 + number)
        owner.topic.write(owner.rows())


def written(owner: Owner) -> dict[str, bytes]:
    return plain(restored(owner.topic)[0])


def repaired(topic: Compacted) -> int:
    """Write what brings the newest whole state back; how many records that are."""
    history = History("t[0]")
    _, found = restored(topic, history.reader())
    assert found.flaws
    whole = history.newest_whole()
    assert whole is not None
    position, count = whole
    rows, extent = history.back_to(count)
    new = position if extent is None else replace(position, extent=extent)
    topic.write([*rows, (POSITION.encode(), PLAIN + new.encode())])
    assert restored(topic)[1].flaws == ()
    return len(rows)


def touched(owner: Owner) -> dict[str, list[Row]]:
    """What somebody may write."""
    log, base = owner.log.extent.end - 2, next(iter(owner.log.inventory.pieces))
    return {
        "log deleted": [(log_key(log).encode(), None)],
        "log again": [(log_key(log).encode(), owner.topic.alive()[log_key(log).encode()])],
        "base deleted": [(piece_key(base).encode(), None)],
        "base broken": [(piece_key(base).encode(), b"bx")],
        "model deleted": [(MODEL.encode(), None)],
        "large value": [(b"large/large", b"vother")],
        "foreign": [(b"other", b"v"), (b"\xff", b"v")],
        "position": [(POSITION.encode(), b"vx")],
    }


WAYS = ["log deleted", "log again", "base deleted", "base broken", "model deleted"]
WAYS += ["large value", "foreign", "position"]


@pytest.mark.parametrize("way", WAYS)
def test_what_somebody_wrote_is_undone_and_the_state_goes_on(owner: Owner, way: str) -> None:
    before = written(owner)
    owner.topic.write(touched(owner)[way])
    rows = repaired(owner.topic)
    anew = way.startswith(("log", "base"))
    assert anew == (rows > 5)
    owner.topic.compact(1.0)
    assert written(owner) == before
    heir = Owner(owner.topic)
    go_on(heir, 100)
    owner.topic.compact(0.5)
    reader, found = restored(owner.topic)
    assert found.flaws == ()
    assert plain(reader) == {**dict(heir.state.items("")), MODEL: heir.model}


def test_a_transaction_that_is_damaged_is_gone_back_behind(owner: Owner) -> None:
    before = written(owner)
    go_on(owner, 1)
    (last,) = [at for at, (key, _) in owner.topic.records.items() if key == _newest_log(owner)]
    owner.topic.records[last] = (_newest_log(owner), b"lx")
    repaired(owner.topic)
    assert written(owner) == before


def _newest_log(owner: Owner) -> bytes:
    return log_key(owner.log.extent.end - 1).encode()
