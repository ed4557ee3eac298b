"""What a transaction writes, and in which order."""

from __future__ import annotations

import random
from typing import Any, cast

import pytest

from agents.outputs import Outputs
from app.kafka.partitions import TP
from app.worker.output import transactions
from app.worker.output.open_records import OpenRecords
from app.worker.output.transactions import OutputTopics, Transactions
from app.worker.tasks import Change
from topics.records import Outgoing

Written = tuple[str, bytes | None]


class Looking:
    """Finds these records open."""

    def __init__(self, found: dict[TP, int]) -> None:
        self._found = found

    def places(self) -> dict[TP, int]:
        return self._found


def looking(found: dict[TP, int]) -> OpenRecords:
    return cast(OpenRecords, Looking(found))


class Remembering:
    """A producer that keeps the topics and values of what it is given."""

    def __init__(self, _: Any) -> None:
        self.written: list[Written] = []

    def produce(self, topic: str, value: bytes | None, *_: Any, **__: Any) -> None:
        self.written.append((topic, value))

    def nothing(self, *_: Any) -> None: ...

    def abort_transaction(self, *_: Any) -> None:
        self.written.append(("aborted", None))

    init_transactions = nothing
    poll = begin_transaction = flush = send_offsets_to_transaction = commit_transaction = nothing


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> Remembering:
    made = Remembering(None)
    monkeypatch.setattr(transactions, "Producer", lambda _: made)
    return made


def commit(*outputs: list[Outputs]) -> None:
    """Commit what some partitions gave."""
    worker = Transactions({"transaction.timeout.ms": 1000}, OutputTopics("said", True), looking({}))
    changes = [
        Change(n, {}, given, "state", [(b"k", b"%d" % n)], 1) for n, given in enumerate(outputs)
    ]
    worker.commit(changes, "group")


def relayed(*places: int) -> Outputs:
    """What a batch with records at these places sends on."""
    return Outputs(others=[Outgoing("inner", b"k", b"%d" % p, place=p) for p in places])


def test_what_several_partitions_send_on_is_written_by_place(producer: Remembering) -> None:
    places = list(range(200))
    where = random.Random(1).choices(range(3), k=len(places))
    mine = [[p for p in places if where[p] == n] for n in range(3)]
    commit(*([relayed(*some[:9]), relayed(*some[9:])] for some in mine))
    assert [v for t, v in producer.written if t == "inner"] == [b"%d" % p for p in places]


def test_what_happens_by_one_record_stays_in_order(producer: Remembering) -> None:
    out = [Outgoing("inner", b"k", value, place=4) for value in (b"drop", b"event", b"label")]
    commit([relayed(7)], [Outputs(others=out)])
    assert [v for t, v in producer.written if t == "inner"] == [b"drop", b"event", b"label", b"7"]


def test_all_outputs_are_written_before_the_state(producer: Remembering) -> None:
    letter = Outgoing("letters", b"k", b"bad")
    commit([Outputs([(b"k", b"score")], [letter], others=[Outgoing("alerts", b"k", b"!")])])
    assert producer.written == [
        ("said", b"score"),
        ("letters", b"bad"),
        ("alerts", b"!"),
        ("state", b"0"),
    ]


def test_what_is_still_open_is_rolled_back_before_anything_is_committed(
    producer: Remembering, caplog: pytest.LogCaptureFixture
) -> None:
    found = {TP("said", 1): 17, TP("letters", 0): 3}
    worker = Transactions(
        {"transaction.timeout.ms": 1000}, OutputTopics("said", True), looking(found)
    )
    worker.start()
    assert producer.written == [("said", b""), ("letters", b""), ("aborted", None)]
    assert "said[1] has records from offset 17 on that no transaction has ended" in caplog.text


def test_where_nothing_is_open_nothing_is_written_at_a_start(producer: Remembering) -> None:
    worker = Transactions({"transaction.timeout.ms": 1000}, OutputTopics("said", True), looking({}))
    worker.start()
    assert not producer.written
