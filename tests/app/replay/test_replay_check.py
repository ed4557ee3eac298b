"""A source is looked through before anything of it is sent."""

from pathlib import Path

import pytest

from app.pipeline.load import Pipeline, load_pipeline
from app.replay.base import SourceError
from app.replay.check import check
from app.replay.files import open_file
from app.replay.records import ReplayError
from app.replay.replay import ReplayOptions
from app.replay.sources import open_source
from app.replay.times import merged, timed
from tests.app.pipeline_files import LABEL, read
from tests.app.replay.test_replay_records import TEXT
from topics.times import TimeLimits

EVENTS, LABELS = "p.events.v1", "p.labels.v1"


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    (tmp_path / "p.toml").write_text(TEXT)
    return load_pipeline(tmp_path / "p.toml", environ={})


def csv(folder: Path, name: str, *lines: str) -> str:
    (folder / name).write_text("\n".join(lines) + "\n")
    return str(folder / name)


def test_a_label_in_the_future_is_refused_by_its_own_line(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    events = open_file(csv(tmp_path, "e.csv", "id,when", "a,2018-04-01", "b,2018-04-02"))
    labels = open_file(csv(tmp_path, "l.csv", "event,bad,when", "a,1,2018-04-03", "b,0,2999-01-01"))
    both = merged(timed(events, "when"), timed(labels, "when"))
    hour = TimeLimits(after=3_600_000)
    with pytest.raises(ReplayError, match=r"^l\.csv:3: a label of 2999-01-01 00:00 for p\.labels"):
        check(pipeline, both, {EVENTS: hour, LABELS: hour})
    ends = check(pipeline, both, {EVENTS: hour}).ends
    assert [end.where for end in ends] == ["e.csv:2", "l.csv:2", "e.csv:3", "l.csv:3"]


def test_what_a_slow_pace_sends_in_the_future_may_lie_there(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    import time

    now = int(time.time())
    rows = csv(tmp_path, "e.csv", "id,when", f"a,{now}", f"b,{now + 7200}")
    source, limits = timed(open_file(rows), "when"), {EVENTS: TimeLimits(after=3_600_000)}
    check(pipeline, source, limits, ReplayOptions(pace=1.0))
    with pytest.raises(ReplayError, match=r"^e\.csv:3: .*in the future"):
        check(pipeline, source, limits)


@pytest.mark.parametrize(
    ("line", "refusal"), [("c", "1 cells"), (",2", 'no field "id" for the key')]
)
def test_a_bad_row_far_down_is_found(
    pipeline: Pipeline, tmp_path: Path, line: str, refusal: str
) -> None:
    source = open_file(csv(tmp_path, "e.csv", "id,x", "a,1", "b,2", line))
    with pytest.raises((SourceError, ReplayError), match=rf"e\.csv:4: .*{refusal}"):
        check(pipeline, source, {})
    check(pipeline, source, {}, ReplayOptions(limit=1))


def test_of_a_simulator_only_the_first_event_is_looked_at(pipeline: Pipeline) -> None:
    source = open_source("live:cards=20,days=3000", "id", "fraud")
    (only,) = check(pipeline, source, {}).ends
    assert only.where == "live:0"


def test_a_column_of_numbers_with_a_text_in_it_is_told(pipeline: Pipeline, tmp_path: Path) -> None:
    source = open_file(csv(tmp_path, "e.csv", "id,x,t", "a,1,u", 'b,"1,5",v', "c,2,w"))
    assert list(check(pipeline, source, {}).kinds.remarks()) == [
        "e.csv:3: \"x\" is the text '1,5'; it is a text in 1 rows and a number in 2"
    ]


def test_labels_that_the_learner_refuses_are_said_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "kinds.csv").write_text("x,y\n1,true\n2,yes\n3,no\n4,\n")
    source = open_file(str(tmp_path / "kinds.csv"))
    (line,) = check(read(tmp_path, LABEL), source, {}).remarks()
    assert line.startswith("kinds.csv:3: y: label 'yes': a binary learner takes true, false")
    assert line.endswith("2 of 3 labels are refused: each becomes a dead letter")
    words = LABEL + "[events.label_values]\nyes = true\nno = false\n"
    assert list(check(read(tmp_path, words), source, {}).remarks()) == []


def test_texts_that_hardly_ever_come_twice_are_no_categories(tmp_path: Path) -> None:
    rows = "".join(f"{n},message {n},{'ab'[n % 2]},true\n" for n in range(200))
    (tmp_path / "texts.csv").write_text("x,body,kind,y\n" + rows)
    source = open_file(str(tmp_path / "texts.csv"))
    hashed = LABEL + '[[learner.steps]]\ntype = "feature_hashing"\n'
    (line,) = check(read(tmp_path, hashed), source, {}).remarks()
    assert line.startswith('"body" has 200 values in 200 rows: the step feature_hashing takes')
    words = LABEL + '[[learner.steps]]\ntype = "words"\n'
    assert list(check(read(tmp_path, words), source, {}).remarks()) == []
    (line,) = check(read(tmp_path, hashed + 'features = ["kind"]\n'), source, {}).remarks()
    assert line.startswith("body is a text, which no step takes: no feature is made of it")


def test_columns_of_texts_that_nothing_takes_are_named(tmp_path: Path) -> None:
    rows = "a,north,blue,1,true\nb,south,red,2,false\n"
    source = open_file(csv(tmp_path, "e.csv", "id,place,colour,x,y", *rows.splitlines()))
    text = LABEL.replace('label = "y"', 'id = "id"\nlabel = "y"')
    assert list(check(read(tmp_path, text), source, {}).remarks()) == [
        "colour, place are texts, which no step takes: no feature is made of them (steps one_hot,"
        " feature_hashing, words)"
    ]
    place = '[[entities]]\nfield = "place"\nfeatures = ["distinct(colour)"]\nwindows = ["1d"]\n'
    declared = text.replace('label = "y"', 'label = "y"\nfeatures = ["x"]')
    for more in (text + place, declared):
        assert list(check(read(tmp_path, more), source, {}).remarks()) == []


def test_a_label_that_no_row_has_is_named(tmp_path: Path) -> None:
    source = open_file(csv(tmp_path, "e.csv", "x,why", "1,2", "3,4"))
    (line,) = check(read(tmp_path, LABEL), source, {}).remarks()
    assert line == 'no event has the field "y" (events.label): nothing is learned'


def late(folder: Path, *labels: str, key: str = "") -> list[str]:
    """What is said of labels of two shops' orders, with their times."""
    text = TEXT.replace("[labels]", f"[labels]{key}")
    (folder / "p.toml").write_text(text.replace('id = "id"', 'id = "id"\nkey = "shop"', 1))
    pipeline = load_pipeline(folder / "p.toml", environ={})
    rows = ("a,x,2018-04-01", "b,y,2018-04-02", "b,z,2018-04-03")
    events = open_file(csv(folder, "e.csv", "id,shop,when", *rows))
    told = open_file(csv(folder, "l.csv", "event,bad,shop,when", *labels))
    both = merged(timed(events, "when"), timed(told, "when"))
    found = check(pipeline, both, {}).remarks()
    return [line for line in found if "which no step takes" not in line]


TWICE = (
    "e.csv:4: 'b' is the id of an earlier event; so are 1 ids. An id names one event: a label"
    " meets the last one that has it"
)


def test_an_id_that_comes_twice_is_told(tmp_path: Path) -> None:
    assert late(tmp_path, "a,true,x,2018-04-09", "b,true,z,2018-04-09") == [TWICE]


def test_labels_whose_ids_no_event_has_are_told(tmp_path: Path) -> None:
    _, line = late(tmp_path, "A,true,x,2018-04-09", "B,true,y,2018-04-09")
    assert line.startswith("l.csv:2: 'A' is the id of no event before it; 0 of 2 labels have one")


def test_labels_with_another_key_than_their_event_are_told(tmp_path: Path) -> None:
    labels = "a,true,x,2018-04-09", "b,true,other,2018-04-09"
    _, line = late(tmp_path, *labels)
    assert line == (
        "l.csv:3: 'other', not 'z': 1 of 2 labels have another key than their event, and with"
        ' several partitions do not find it: set labels.key = "id"'
    )
    assert late(tmp_path, *labels, key='\nkey = "id"') == [TWICE]


def test_rows_that_are_not_in_the_order_of_time_are_told(tmp_path: Path) -> None:
    line, _ = late(tmp_path, "a,true,x,2018-04-09", "b,true,z,2018-04-07T12:00:00")
    assert line == (
        "l.csv:3: 1 labels are older than the row before them, the first by 1 day, 12:00:00."
        " Windows, delays and the join of labels need the order of time: sort the file"
    )
