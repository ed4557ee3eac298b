"""What visitors of the demo's page may ask for: another wave of fraud, labels that wait."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from app.demo.cluster import EXPIRE_DAYS
from app.demo.controls import HOLD, RELEASE, Orders, offered
from app.demo.holding import LONGEST_DAYS, Holding
from app.demo.world import DELAY_DAYS, PATTERN_DAY, Truth, Waves, World, events
from app.fraud.transactions import DAY, EPOCH
from app.replay.base import Event

DAY_MS = DAY * 1000


def test_orders_are_read_once_and_only_whole_lines(tmp_path: Path) -> None:
    file = tmp_path / "orders"
    orders = Orders(file)
    assert orders.new() == []
    for said, found in (("kill\nho", ["kill"]), ("ld\n", ["hold"]), ("", [])):
        with file.open("a") as page:
            page.write(said)
        assert orders.new() == found


def test_labels_are_held_back_or_come_again_never_both() -> None:
    for is_held, order in ((False, HOLD), (True, RELEASE)):
        buttons = offered(is_held=is_held, can_kill=False)
        assert [button["order"] for button in buttons] == ["fraud", order, "kill"]
        assert [button["on"] for button in buttons] == [True, True, False]


def days(count: int) -> Iterator[Event]:
    """An event and the label of an earlier one, each day."""
    for n in range(count):
        yield Event(2 * n, {"id": n}, "event", n * DAY_MS)
        yield Event(2 * n + 1, {"id": n - 1}, "label", n * DAY_MS + 1)


def test_held_labels_come_in_their_order_with_the_time_at_which_they_are_let_go() -> None:
    holding, seen = Holding(), list[Event]()
    for event in holding.through(days(9)):
        seen.append(event)
        if event == (2, {"id": 1}, "event", DAY_MS):
            holding.is_on = True
        if event.fields["id"] == 4 and event.kind == "event":
            holding.is_on = False
    assert [e.fields["id"] for e in seen if e.kind == "label"] == list(range(-1, 8))
    times = [e.timestamp or 0 for e in seen]
    assert times == sorted(times)
    held = [e.timestamp for e in seen if e.kind == "label" and e.fields["id"] in (0, 1, 2)]
    assert held == [4 * DAY_MS + 1] * 3


def test_labels_are_held_back_no_longer_than_their_events_wait_for_them() -> None:
    holding = Holding()
    holding.is_on = True
    late = [
        event.timestamp or 0
        for event in holding.through(days(20))
        if event.kind == "label" and event.fields["id"] == -1
    ]
    assert LONGEST_DAYS * DAY_MS < late[0] <= (LONGEST_DAYS + 1) * DAY_MS
    assert not holding.is_on
    assert EXPIRE_DAYS >= DELAY_DAYS + LONGEST_DAYS + 1


def test_a_wave_that_is_asked_for_begins_on_the_next_day_with_other_payments_unchanged() -> None:
    def count(waves: Waves, asked_on: int) -> tuple[list[int], Truth]:
        truth, new = Truth(), dict[int, int]()
        for event in events(World(cards=60), truth, waves):
            number, today = len(new), (event.timestamp or 0) // DAY_MS - EPOCH // DAY
            if today == asked_on and not waves.days and not waves._asked:
                waves.ask()
            if today >= PATTERN_DAY + 6:
                break
            if event.kind == "event":
                number = int(str(event.fields["id"]).rpartition("-")[2])
                new[number] = truth.day(number) if truth.is_new(number) else -1
        per_day = [sum(day == d for day in new.values()) for d in range(PATTERN_DAY + 6)]
        return per_day, truth

    asked = Waves()
    alone, _ = count(Waves(), -1)
    both, _ = count(asked, PATTERN_DAY + 2)
    assert asked.days == [PATTERN_DAY + 3]
    assert both[: PATTERN_DAY + 3] == alone[: PATTERN_DAY + 3]
    assert all(two > one for two, one in zip(both[-3:], alone[-3:], strict=True))
