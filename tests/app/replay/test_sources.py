"""Sources give events with their lines; a row that is no event is refused with its line."""

import gzip
import math
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path

import pytest

from app.replay.base import Event, LateLabels, SourceError
from app.replay.sources import open_source
from app.replay.times import timed


def events(tmp_path: Path, name: str, text: str | bytes) -> list[Event]:
    """The events of a file with that text."""
    file = tmp_path / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(open_source(str(file)).read())


def test_cells_of_a_csv_become_what_they_look_like(tmp_path: Path) -> None:
    text = 'i,f,e,t,b,no,zero,empty,big\n1,-0.5,1e3,"a, b",TRUE,false,007,,99999999999999999999\n'
    assert events(tmp_path, "x.csv", text) == [
        Event(
            2,
            {
                "i": 1,
                "f": -0.5,
                "e": 1000.0,
                "t": "a, b",
                "b": True,
                "no": False,
                "zero": "007",
                "big": "99999999999999999999",
            },
        )
    ]


def test_not_a_number_and_infinity_stay_texts(tmp_path: Path) -> None:
    (event,) = events(tmp_path, "x.csv", "a,b,c\nnan,inf,1e999\n")
    assert event.fields == {"a": "nan", "b": "inf", "c": "1e999"}


@pytest.mark.parametrize(
    ("cell", "number"),
    [(".5", 0.5), ("+5", 5), ("1.", 1.0), (" 7", 7), ("7 ", 7), ("-.5e1", -5.0), ("+1.5", 1.5)],
)
def test_a_number_in_any_usual_spelling_is_a_number(
    tmp_path: Path, cell: str, number: float
) -> None:
    (event,) = events(tmp_path, "x.csv", f"a,b\n{cell},t\n")
    assert (event.fields["a"], type(event.fields["a"])) == (number, type(number))


@pytest.mark.parametrize("cell", ["1,5", "1_000", "1 000", ".", "+", "1.2.3", "0x1", "--1", "١"])
def test_what_is_spelled_otherwise_stays_a_text(tmp_path: Path, cell: str) -> None:
    (event,) = events(tmp_path, "x.csv", f'a\n"{cell}"\n')
    assert event.fields["a"] == cell


def test_a_cell_may_be_as_long_as_an_event(tmp_path: Path) -> None:
    (event,) = events(tmp_path, "x.csv", "a,b\n1," + "x" * 999_000 + "\n")
    assert len(event.fields["b"]) == 999_000
    with pytest.raises(SourceError, match=r"x\.csv:2: a cell has more than 1,000,000 char"):
        events(tmp_path, "x.csv", "a,b\n1," + "x" * 1_000_001 + "\n")


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_are_seen_in_the_header(tmp_path: Path, separator: str) -> None:
    text = "id;x;name\na;1,5;b,c\n2,0e3;-0,25;1,2,3\n".replace(";", separator)
    found = [event.fields for event in events(tmp_path, "x.csv", "\ufeff" + text)]
    assert found == [
        {"id": "a", "x": 1.5, "name": "b,c"},
        {"id": 2000.0, "x": -0.25, "name": "1,2,3"},
    ]


def test_a_header_with_commas_is_separated_by_them(tmp_path: Path) -> None:
    (event,) = events(tmp_path, "x.csv", 'a;b,c|d\n1,"2,5"\n')
    assert event.fields == {"a;b": 1, "c|d": "2,5"}
    (event,) = events(tmp_path, "x.csv", '"a,b";c\n1,5;x\n')
    assert event.fields == {"a,b": 1.5, "c": "x"}


def test_packed_files_are_unpacked(tmp_path: Path) -> None:
    rows = events(tmp_path, "x.csv.gz", gzip.compress(b"a,b\n1,x\n"))
    assert rows == [Event(2, {"a": 1, "b": "x"})]
    rows = events(tmp_path, "x.jsonl.gz", gzip.compress(b'{"a": 1}\n'))
    assert rows == [Event(1, {"a": 1})]
    for damaged in (b"a,b\n1,x\n", gzip.compress(b"a,b\n1,x\n")[:-9]):
        with pytest.raises(SourceError, match=r"x\.csv\.gz: cannot be unpacked"):
            events(tmp_path, "x.csv.gz", damaged)
    with pytest.raises(SourceError, match=r"no file"):
        open_source("x.parquet.gz")


def test_rows_of_a_parquet_file_are_events(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    when = datetime(2024, 5, 1, 12, tzinfo=UTC)
    columns = {
        "n": [1, 2],
        "x": [0.5, math.nan],
        "t": ["a", None],
        "when": [when, when],
        "money": [Decimal("1.25"), None],
    }
    parquet.write_table(arrow.table(columns), tmp_path / "x.parquet")
    first, second = timed(open_source(str(tmp_path / "x.parquet")), "when").read()
    assert first.timestamp == when.timestamp() * 1000
    assert first.fields == {"n": 1, "x": 0.5, "t": "a", "when": when.isoformat(), "money": 1.25}
    assert (second.line, set(second.fields)) == (2, {"n", "when"})
    with pytest.raises(SourceError, match=r"y\.parquet: cannot be read"):
        events(tmp_path, "y.parquet", b"no parquet")


def test_parquet_needs_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.replay.parquet.find_spec", lambda name: None)
    with pytest.raises(SourceError, match="pip install"):
        events(tmp_path, "x.parquet", b"")


def test_lines_are_counted_over_empty_rows_and_quoted_newlines(tmp_path: Path) -> None:
    text = '\ufeffa,b\n1,"x\ny"\n\n2,z\n'
    assert [(event.line, event.fields["a"]) for event in events(tmp_path, "x.csv", text)] == [
        (2, 1),
        (5, 2),
    ]


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (b"", ":1: the header must name every column, each once"),
        (b"a,a\n1,2\n", ":1: the header must name every column, each once"),
        (b"a,\n1,2\n", ":1: the header must name every column, each once"),
        (b"a,b\n1,2\n1,2,3\n", ":3: 3 cells, the header has 2"),
        (b"a,b\n1\n", ":2: 1 cells, the header has 2"),
        (b'a,b\n1,"x"y\n', ":2: ',' expected after '\"'"),
        (b"a,b\n1,\xff\n", ": after line 0: not UTF-8"),
    ],
)
def test_a_bad_csv_is_refused_with_its_line(tmp_path: Path, text: bytes, refusal: str) -> None:
    with pytest.raises(SourceError) as refused:
        events(tmp_path, "x.csv", text)
    assert str(refused.value).startswith(f"{tmp_path}/x.csv{refusal}")


def test_json_lines_are_taken_as_they_are(tmp_path: Path) -> None:
    text = '{"a": 1, "b": [1, null]}\n\n{"a": "2"}'
    assert events(tmp_path, "x.jsonl", text) == [
        Event(1, {"a": 1, "b": [1, None]}),
        Event(3, {"a": "2"}),
    ]


def test_a_byte_order_mark_before_json_lines_is_passed_over(tmp_path: Path) -> None:
    text = b'\xef\xbb\xbf{"a": 1}\n{"a": 2}\n'
    assert [event.fields for event in events(tmp_path, "x.jsonl", text)] == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("row", [b"{", b"[1]", b"5", b'{"a": NaN}', b'{"a": "\xff"}', b"[" * 9999])
def test_a_line_that_is_no_object_is_refused_with_its_line(tmp_path: Path, row: bytes) -> None:
    with pytest.raises(SourceError, match=r"x\.ndjson:2: not a JSON object"):
        events(tmp_path, "x.ndjson", b'{"a": 1}\n' + row + b"\n")


def test_what_comes_before_a_bad_line_is_still_read(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text('{"a": 1}\n{')
    assert list(islice(open_source(str(file)).read(), 1)) == [Event(1, {"a": 1})]


@pytest.mark.parametrize(
    ("name", "count", "label"),
    [
        ("phishing", 1250, True),
        ("bananas", 5300, False),
        ("image_segments", 2310, "path"),
        ("shuttle", 49_097, 1),
        ("sp500_stocks", 1257, -0.216671),
    ],
)
def test_a_data_set_of_river_has_running_ids_and_the_label_of_the_pipeline(
    name: str, count: int, label: object
) -> None:
    source = open_source(name, id_field="key", label="class")
    first, second = islice(source.read(), 2)
    assert source.count == count
    assert (first.fields["key"], second.fields["key"]) == (f"{name}-000000", f"{name}-000001")
    assert first.fields["class"] == label
    assert len(first.fields) > 3


def test_a_data_set_has_only_its_features_where_the_pipeline_names_no_fields() -> None:
    assert next(open_source("bananas").read()).fields == {"1": 1.617466, "2": -0.919233}


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("taxis", 'River downloads the data set "taxis"; riverrun replays'),
        (
            "fishing",
            '"fishing" is no file (.csv, .jsonl, .ndjson, .json, .parquet), no simulator'
            " (handbook, live)",
        ),
        ("no.csv", "no.csv: no such file"),
        ("live:card=5", 'live:card=5: has no "card"; it has seed, cards, terminals, rate'),
        ("live:rate=x", 'live:rate=x: rate = "x": must be a number'),
        ("live:cards=1.5", 'live:cards=1.5: cards = "1.5": must be a whole number'),
        ("handbook:cards=0", "handbook:cards=0: cards = 0: must be 1 or more"),
        ("yeast", 'the events of "yeast" have several labels each'),
    ],
)
def test_a_source_that_cannot_be_replayed_is_refused(name: str, refusal: str) -> None:
    with pytest.raises(SourceError) as refused:
        open_source(name)
    assert str(refused.value).startswith(refusal)


def test_the_names_of_the_data_sets_that_can_be_replayed_are_told() -> None:
    with pytest.raises(SourceError, match=r"bananas, .*image_segments, phishing, shuttle"):
        open_source("fishing")


def test_a_simulator_gives_its_events_with_their_times_and_their_labels() -> None:
    source = open_source("live:cards=20,terminals=9,days=3", "number", "stolen")
    first = next(source.read())
    assert (first.kind, source.key) == ("event", "card")
    assert list(first.fields) == ["number", "time", "card", "terminal", "amount", "stolen"]
    assert first.timestamp == first.fields["time"] * 1000


def test_the_labels_of_a_simulator_come_by_themselves_when_a_delay_is_given() -> None:
    late = LateLabels("event", "stolen", "who", 86_400)
    source = open_source("handbook:cards=30,terminals=900,days=3", "id", None, late)
    records = list(source.read())
    events, labels = ([r for r in records if r.kind == kind] for kind in ("event", "label"))
    assert [r.fields["event"] for r in labels] == [r.fields["id"] for r in events]
    assert [r.fields["card"] for r in labels] == [r.fields["card"] for r in events]
    assert {r.fields["who"] for r in labels} == {"chargeback"}
    assert {r.fields["stolen"] for r in labels} == {True, False}
    assert all("stolen" not in r.fields for r in events)
    assert {
        late.fields["time"] - r.fields["time"] for late, r in zip(labels, events, strict=True)
    } == {86_400}
    stamps = [r.timestamp or 0 for r in records]
    assert stamps == sorted(stamps)


@pytest.mark.parametrize("name", ["live:cards=20,days=2", "handbook:cards=30,terminals=900,days=2"])
def test_a_simulator_begins_anew_with_each_reading(name: str) -> None:
    source = open_source(name)
    assert list(source.read()) == list(source.read()) != []


def test_the_label_of_a_data_set_follows_its_event_at_once() -> None:
    late = LateLabels("event", "is_phishing", "who")
    records = list(islice(open_source("phishing", "id", "is_phishing", late).read(), 4))
    assert [record.kind for record in records] == ["event", "label"] * 2
    assert "is_phishing" not in records[0].fields
    assert records[1].fields == {"event": "phishing-000000", "is_phishing": True}


def test_a_new_fraud_begins_on_the_day_that_was_said() -> None:
    name = "live:cards=200,terminals=50,days=3,frauds=0"
    plain, injected = (
        open_source(name, None, "fraud"),
        open_source(name, None, "fraud", None, [("testing", 1)]),
    )
    assert not any(event.fields["fraud"] for event in plain.read())
    first = min(event.fields["time"] for event in injected.read() if event.fields["fraud"])
    second = next(iter(plain.read())).fields["time"] // 86_400 + 1
    assert first // 86_400 == second
    assert list(injected.read()) == list(injected.read())


@pytest.mark.parametrize(
    ("source", "inject", "refusal"),
    [
        (
            "live",
            ("tricks", 1),
            'live: no pattern "tricks"; there are cards, moving, terminals, testing',
        ),
        ("handbook", ("testing", 1), "handbook: new frauds can be injected into the live sim"),
        ("phishing", ("testing", 1), "phishing: new frauds can be injected into the live sim"),
    ],
)
def test_a_fraud_that_cannot_be_injected_is_refused(
    source: str, inject: tuple[str, int], refusal: str
) -> None:
    with pytest.raises(SourceError) as refused:
        open_source(source, None, "fraud", None, [inject])
    assert str(refused.value).startswith(refusal)
