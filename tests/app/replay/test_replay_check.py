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
from app.trial.run import run
from app.trial.topics import TrialTopics
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
    line, unused = check(pipeline, source, {}).kinds.remarks()
    assert line == (
        "e.csv:3: \"x\" is the text '1,5'; it is a text in 1 row and a number in 2: a row with the"
        " text is learned without this feature, unless you add a step that takes texts (one_hot,"
        " feature_hashing, words)"
    )
    assert unused.startswith("t is a text, which no step takes")


MIXED = ("id,x,y", "1,1,true", "a,n/a,true", "2,3,false")
DECLARED = LABEL.replace('label = "y"', 'id = "id"\nlabel = "y"\nfeatures = ["x"]')
ONE_HOT = '[[learner.steps]]\ntype = "one_hot"\n'


@pytest.mark.parametrize(
    ("text", "follows"),
    [
        (DECLARED, "each such row becomes a dead letter, because events.features has the field"),
        (LABEL + ONE_HOT, "the step one_hot takes the texts, and a number stays a number"),
        (DECLARED + ONE_HOT, "the step one_hot takes the texts, and a number stays a number"),
        (
            LABEL + '[[entities]]\nfield = "y"\nfeatures = ["mean(x)"]\n',
            "each such row becomes a dead letter, because entities[0].features needs a number",
        ),
    ],
)
def test_what_follows_from_a_text_among_numbers_is_said(
    tmp_path: Path, text: str, follows: str
) -> None:
    source = open_file(csv(tmp_path, "e.csv", *MIXED))
    found = check(read(tmp_path, text), source, {}).kinds.remarks()
    (line,) = (each for each in found if '"x"' in each)
    text_of_x = "e.csv:3: \"x\" is the text 'n/a'; it is a text in 1 row and a number in 2: "
    assert line.startswith(text_of_x + follows)


def test_ids_of_two_types_do_not_meet(tmp_path: Path) -> None:
    source = open_file(csv(tmp_path, "e.csv", *MIXED))
    found = list(check(read(tmp_path, DECLARED), source, {}).kinds.remarks())
    assert found[0].endswith("a label meets its event only where both ids are of the same type")


def test_a_declared_feature_that_is_a_text_is_said_once_with_what_to_do(tmp_path: Path) -> None:
    source = open_file(csv(tmp_path, "e.csv", "id,x,y", "1,red,true", "2,blue,false"))
    pipeline = read(tmp_path, DECLARED)
    (line,) = check(pipeline, source, {}).remarks()
    assert line == (
        "e.csv:2: \"x\" is the text 'red'; it is a text in 2 rows: each such row becomes a dead"
        " letter, because events.features has the field and no step takes its texts: add a step"
        " that takes texts (one_hot, feature_hashing, words), or leave the field out"
    )
    assert len(list(TrialTopics(pipeline, run(pipeline, source)).letters())) == 2
    taken = read(tmp_path, DECLARED + ONE_HOT)
    assert list(check(taken, source, {}).remarks()) == []
    assert not list(TrialTopics(taken, run(taken, source)).letters())


LAST = """\
[[entities]]
source = "labels"
features = ["last(y)"]
"""
CLASSES = LABEL.replace("passive_aggressive", "passive_aggressive_multiclass") + LAST


def test_classes_that_are_words_cannot_be_features_as_they_are(tmp_path: Path) -> None:
    source = open_file(csv(tmp_path, "e.csv", "x,y", "1,on_time", "2,late", "3,late"))
    pipeline = read(tmp_path, CLASSES)
    (line,) = check(pipeline, source, {}).remarks()
    assert line == (
        "e.csv:2: y = 'on_time': entities[0].features has \"last(y)\", which needs a number, and 3"
        " of 3 labels are texts: each becomes a dead letter. events.label_values can say which"
        " number a class stands for"
    )
    assert len(list(TrialTopics(pipeline, run(pipeline, source)).letters())) == 3
    named = read(tmp_path, CLASSES + "[events.label_values]\non_time = 0\nlate = 1\n")
    assert list(check(named, source, {}).remarks()) == []
    trial = run(named, source)
    assert trial.model.learned == 3
    assert not list(TrialTopics(named, trial).letters())


LATE = LABEL.replace('label = "y"', 'id = "id"\nkey = "shop"')
LATE += '[labels]\ntopic = "p.labels.v1"\nlabel = "y"\nid = "order"\n'


def test_a_misspelt_id_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    events = open_file(csv(tmp_path, "e.csv", "id,shop,x,t", "1,s,2,1", "2,s,3,2"))
    labels = open_file(csv(tmp_path, "l.csv", "orderr,shop,y,t", "1,s,true,3", "2,s,false,4"))
    both = merged(timed(events, "t"), timed(labels, "t"))
    with pytest.raises(ReplayError) as refused:
        check(read(tmp_path, LATE), both, {})
    assert str(refused.value) == (
        'l.csv:2: labels.id = "order": none of 2 rows has this field (did you mean "orderr"?);'
        " the first has orderr, shop, y, t. Without it each becomes a dead letter"
    )
    check(read(tmp_path, LATE.replace('"order"', '"orderr"')), both, {})
    with pytest.raises(ReplayError, match=r'^e\.csv:2: events\.id = "idd": none of 2 rows'):
        check(read(tmp_path, LATE.replace('"id"', '"idd"')), both, {})


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


def test_the_field_of_the_times_is_no_unused_text(tmp_path: Path) -> None:
    source = timed(open_file(csv(tmp_path, "e.csv", "x,when,y", "1,2018-04-01,true")), "when")
    assert list(check(read(tmp_path, LABEL), source, {}).remarks()) == []


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


def test_a_year_alone_is_told_to_be_taken_for_seconds(tmp_path: Path) -> None:
    source = timed(open_file(csv(tmp_path, "e.csv", "x,y,t", "1,true,2017", "2,false,2018")), "t")
    (line,) = check(read(tmp_path, LABEL), source, {}).remarks()
    assert line == (
        "e.csv:2: the time 2017 is taken for seconds since 1970. If it is a year,"
        " write dates: 2018-08-01"
    )


def test_rows_that_are_not_in_the_order_of_time_are_told(tmp_path: Path) -> None:
    line, _ = late(tmp_path, "a,true,x,2018-04-09", "b,true,z,2018-04-07T12:00:00")
    assert line == (
        "l.csv:3: 1 labels are older than the row before them, the first by 1 day, 12:00:00."
        " Windows, delays and the join of labels need the order of time: sort the file"
    )
