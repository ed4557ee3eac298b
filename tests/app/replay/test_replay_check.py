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
    rows = "".join(f"{n},message {n},{'ab'[n % 2]}\n" for n in range(200))
    (tmp_path / "texts.csv").write_text("x,body,kind\n" + rows)
    source = open_file(str(tmp_path / "texts.csv"))
    hashed = LABEL + '[[learner.steps]]\ntype = "feature_hashing"\n'
    (line,) = check(read(tmp_path, hashed), source, {}).remarks()
    assert line.startswith('"body" has 200 values in 200 rows: the step feature_hashing takes')
    words = LABEL + '[[learner.steps]]\ntype = "words"\n'
    named = hashed + 'features = ["kind"]\n'
    for text in (words, named):
        assert list(check(read(tmp_path, text), source, {}).remarks()) == []
