"""The times of a replay are read, merged, cut and paced as they were said."""

import random
from itertools import pairwise
from pathlib import Path

import pytest

from app.replay.base import Event, LateLabels, Source, SourceError
from app.replay.files import open_file
from app.replay.sources import open_source
from app.replay.times import between, merged, parse_pace, parse_time, timed


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        (0, 0),
        (1_522_540_800, 1_522_540_800_000),
        (1.0005, 1000),
        (1.25, 1250),
        ("2018-04-01", 1_522_540_800_000),
        ("2018-04-01T00:00:01Z", 1_522_540_801_000),
        ("2018-04-01 02:00:00.25+02:00", 1_522_540_800_250),
        ("2018/04/01", 1_522_540_800_000),
        ("2018/4/1 00:00:01", 1_522_540_801_000),
        ("2018.04.01T02:00+02:00", 1_522_540_800_000),
    ],
)
def test_a_time_is_seconds_or_a_date(value: object, milliseconds: int) -> None:
    assert parse_time(value) == milliseconds


@pytest.mark.parametrize(
    "value", ["soon", "", None, True, -1, 1_522_540_800_000, float("nan"), [], "2018-13-01"]
)
def test_another_time_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="must be seconds since 1970, or a date"):
        parse_time(value)


@pytest.mark.parametrize("value", ["01.02.2012", "1/2/2012 08:00", "01-02-12"])
def test_a_date_of_which_nobody_knows_the_month_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="is it the day or the month that comes first"):
        parse_time(value)


@pytest.mark.parametrize("value", ["2018/13/01", "2018/04", "2018/04/012", "2018-04/01"])
def test_a_date_with_slashes_must_be_one(value: str) -> None:
    with pytest.raises(ValueError, match=r"^must be seconds since 1970, or a date"):
        parse_time(value)


def test_a_pace_is_event_time_by_time() -> None:
    assert parse_pace("1d/10s") == 8640
    assert parse_pace("1h / 500ms") == 7200
    assert parse_pace("1s/1m") == pytest.approx(1 / 60)


@pytest.mark.parametrize("text", ["", "1d", "1d/", "/1s", "0s/1s", "1s/0s", "8640", "1d/1s/1s"])
def test_another_pace_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match='such as "1d/10s"'):
        parse_pace(text)


def rows(name: str, *times: int) -> Source:
    """Rows with these times."""
    return Source(name, lambda: (Event(n, {"t": t, "n": n}) for n, t in enumerate(times, 2)))


def test_events_and_labels_come_in_one_order_and_a_label_first() -> None:
    draw = random.Random(3)
    at, told = (sorted(draw.choices(range(50), k=80)) for _ in range(2))
    source = merged(timed(rows("e.csv", *at), "t"), timed(rows("l.csv", *told), "t"))
    found = [(event.timestamp, event.kind, event.line) for event in source.read()]
    events = [(t * 1000, "event", line) for line, t in enumerate(at, 2)]
    labels = [(t * 1000, "label", line) for line, t in enumerate(told, 2)]
    slow = sorted(events + labels, key=lambda row: (row[0], row[1] == "event"))
    assert found == slow
    event, label = (next(e for e in source.read() if e.kind == k) for k in ("event", "label"))
    assert (source.where(event), source.where(label)) == ("e.csv:2", "l.csv:2")


def test_a_row_without_its_time_is_refused_with_its_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("t,a\n5,1\n,2\n")
    (tmp_path / "l.csv").write_text("t,a\n6,1\nsoon,2\n")
    source = timed(open_file(str(tmp_path / "e.csv")), "t")
    with pytest.raises(SourceError, match=r'^e\.csv:3: has no field "t"; it has a: --time FIELD'):
        list(source.read())
    with pytest.raises(SourceError, match=r"^l\.csv:3: t = 'soon': must be seconds since 1970"):
        list(timed(open_file(str(tmp_path / "l.csv")), "t").read())


def test_the_parts_of_a_replay_are_the_whole() -> None:
    late = LateLabels("id", "fraud", None, 86_400)
    whole = open_source("live:cards=30,days=4", "id", None, late)
    times = [event.timestamp for event in whole.read()]
    cuts = [None, times[5], times[30], times[30], times[-20], None]
    parts = [list(between(whole, since, until).read()) for since, until in pairwise(cuts)]
    assert [event for part in parts for event in part] == list(whole.read())
    assert [len(part) for part in parts].count(0) == 1
    assert {event.kind for event in parts[3]} == {"event", "label"}
    assert parts[1][0].timestamp == times[5]


def test_an_endless_source_ends_where_it_is_said() -> None:
    source = between(open_source("live:cards=5"), None, 1_522_540_800_000 + 2 * 86_400_000)
    days = {event.fields["time"] // 86_400 for event in source.read()}
    assert len(days) == 2


def test_a_part_of_what_has_no_times_is_refused() -> None:
    source = between(open_source("phishing", "id", "is_phishing"), 0, None)
    with pytest.raises(SourceError, match=r"^phishing:0: has no time to send a part by"):
        list(source.read())
