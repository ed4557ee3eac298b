"""Events and labels in one order."""

from app.fraud.stream import Names, events, merged
from app.fraud.transactions import DAY, EPOCH, Transactions


def test_each_event_has_one_label_so_much_later(small: Transactions) -> None:
    records = list(merged([small], delay=3 * DAY))
    asked = [r for r in records if r.kind == "event"]
    told = [r for r in records if r.kind == "label"]
    assert len(asked) == len(told) == len(small)
    assert [r.value["id"] for r in asked] == [r.value["id"] for r in told]
    assert [r.value["fraud"] for r in told] == small.fraud.tolist()
    assert all(a.key == t.key for a, t in zip(asked, told, strict=True))
    assert {t.timestamp - a.timestamp for a, t in zip(asked, told, strict=True)} == {259_200_000}


def test_the_order_is_that_of_time_and_a_label_comes_before_an_event(small: Transactions) -> None:
    records = list(merged([small], delay=0))
    stamps = [r.timestamp for r in merged([small], delay=5 * DAY)]
    assert stamps == sorted(stamps)
    assert [r.kind for r in records] == ["event", "label"] * len(small)


def test_an_event_says_what_a_desk_knows_and_not_more(small: Transactions) -> None:
    first = next(merged([small]))
    card, terminal = int(small.card[0]), int(small.terminal[0])
    assert first.value == {
        "id": "handbook-0000000",
        "time": EPOCH + int(small.time[0]),
        "card": f"c{card}",
        "terminal": f"t{terminal}",
        "amount": float(small.amount[0]),
    }
    assert (first.key, first.timestamp) == (f"c{card}", (EPOCH + int(small.time[0])) * 1000)


def test_the_label_goes_with_the_event_where_none_come_later(small: Transactions) -> None:
    records = list(events([small], Names(label="stolen"), labelled=True))
    assert [r.value["stolen"] for r in records] == small.fraud.tolist()
    assert {r.kind for r in records} == {"event"}


def test_days_make_no_difference(small: Transactions) -> None:
    by_day = [small.days(day, 1) for day in range(60)]
    assert list(merged(by_day)) == list(merged([small]))
