"""`riverrun replay` of a pipeline with late labels, as a user runs it."""

import re
import signal
from pathlib import Path

import msgspec
import pytest

from app.kafka.admin import ensure_topics
from app.kafka.settings import KafkaSettings
from app.pipeline.load import load_pipeline
from app.replay.base import LateLabels
from app.replay.sources import open_source
from tests.kafka.commands import Commands
from tests.kafka.support import create_topic, read_committed

PIPELINE = """\
name = "NAME"
[events]
topic = "NAME.events.v1"
id = "id"
key = "card"
[labels]
topic = "NAME.labels.v1"
id = "payment"
label = "bad"
source = "said_by"
[predictions]
topic = "NAME.predictions.v1"
[learner]
type = "passive_aggressive"
[topics]
partitions = 2
retention = "forever"
"""


@pytest.fixture
def commands(kafka: str, topic_name: str, tmp_path: Path) -> Commands:
    (tmp_path / "p.toml").write_text(PIPELINE.replace("NAME", topic_name))
    return Commands(kafka, tmp_path / "p.toml")


def test_parts_of_a_simulation_are_the_whole_with_its_labels(
    commands: Commands, kafka: str, topic_name: str
) -> None:
    replay = ("replay", "--source", "live:cards=40,days=6", "--label-delay", "2d")
    first = commands.run(*replay, "--until", "2018-04-04")
    rest = commands.run(*replay, "--since", "2018-04-04", "--pace", "30d/1s")
    counts = [
        [int(n) for n in re.findall(r"(\d+) (?:events|labels)", said)] for said in (first, rest)
    ]
    assert all(n > 20 for part in counts for n in part)
    events = read_committed(kafka, f"{topic_name}.events.v1")
    labels = read_committed(kafka, f"{topic_name}.labels.v1")
    assert [sum(n) for n in zip(*counts, strict=True)] == [len(events), len(labels)]
    assert len(events) == len(labels)
    places = {msgspec.json.decode(r.value() or b"")["id"]: r.partition() for r in events}
    for record in labels:
        label = msgspec.json.decode(record.value() or b"")
        assert set(label) == {"payment", "time", "card", "terminal", "bad", "said_by"}
        assert label["said_by"] == "chargeback"
        assert record.partition() == places.pop(label["payment"])
    assert places == {}


def test_a_replay_that_was_stopped_goes_on_where_it_was(
    commands: Commands, kafka: str, topic_name: str
) -> None:
    ensure_topics(load_pipeline(commands.file), KafkaSettings(kafka))
    source = "live:cards=40,days=6"
    replay = ("replay", "--source", source, "--label-delay", "2d", "--resume")
    paced = commands.start(*replay, "--pace", "1d/10s")
    read_committed(kafka, f"{topic_name}.events.v1", 20)
    paced.send_signal(signal.SIGTERM)
    first, *others = paced.communicate()[0], commands.run(*replay), commands.run(*replay)
    assert 20 <= int(first.split()[0]) < int(others[0].split()[0])
    assert others[1].startswith("0 events delivered")
    whole = open_source(source, "id", None, LateLabels("payment", "bad", "said_by", 2 * 86_400))
    for kind, topic in (("event", "events"), ("label", "labels")):
        values = [event.fields for event in whole.read() if event.kind == kind]
        records = read_committed(kafka, f"{topic_name}.{topic}.v1")
        found = [msgspec.json.decode(record.value() or b"") for record in records]
        assert sorted(map(str, found)) == sorted(map(str, values))


def test_a_file_and_the_file_of_its_labels_arrive_with_their_times(
    commands: Commands, kafka: str, topic_name: str, tmp_path: Path
) -> None:
    (tmp_path / "e.csv").write_text("id,card,at\na,c1,2020-01-01\nb,c2,2020-01-02T12:00:00Z\n")
    (tmp_path / "l.jsonl").write_text('{"payment":"a","card":"c1","bad":true,"at":1577923200}\n')
    files = ("--source", str(tmp_path / "e.csv"), "--labels", str(tmp_path / "l.jsonl"))
    said = commands.run("replay", *files, "--time", "at")
    assert said.startswith(f"2 events delivered to {topic_name}.events.v1, 1 labels to ")
    events = read_committed(kafka, f"{topic_name}.events.v1")
    (label,) = read_committed(kafka, f"{topic_name}.labels.v1")
    times = {record.key(): record.timestamp()[1] for record in events}
    assert times == {b"c1": 1_577_836_800_000, b"c2": 1_577_966_400_000}
    assert (label.key(), label.timestamp()[1]) == (b"c1", 1_577_923_200_000)


def refused(commands: Commands, *options: str) -> str:
    """What a replay says that must be refused."""
    process = commands.start("replay", *options)
    out, err = process.communicate()
    assert (process.returncode, out) == (1, ""), err
    return err.splitlines()[-1]


def rows(file: Path, *lines: str) -> tuple[str, ...]:
    """The options that send a file of payments."""
    file.write_text("\n".join(["id,card,at", *lines]) + "\n")
    return "--source", str(file), "--time", "at"


def size(kafka: str, topic: str) -> int:
    """How many records a topic has."""
    return len(read_committed(kafka, topic))


def test_what_was_sent_already_is_sent_again_only_when_asked_for(
    commands: Commands, kafka: str, topic_name: str, tmp_path: Path
) -> None:
    events = f"{topic_name}.events.v1"
    file, lines = tmp_path / "e.csv", [f"e{n},c{n % 5},{1_600_000_000 + n}" for n in range(300)]
    commands.run("replay", *rows(file, *lines[:200]))
    said = refused(commands, *rows(file, *lines))
    assert "e.csv:2 is on" in said
    assert "of 200 records: --resume sends what is after" in said
    assert "--again sends all of it" in said
    assert size(kafka, events) == 200
    assert commands.run("replay", *rows(file, *lines), "--resume").startswith("100 events")
    refused(commands, "--source", str(file), "--time", "at", "--since", "2020-09-13T12:30:00")
    assert commands.run("replay", *rows(file, *lines), "--again").startswith("300 events")
    assert size(kafka, events) == 600


def test_what_has_no_times_is_not_sent_twice_in_silence_either(
    commands: Commands, kafka: str, topic_name: str, tmp_path: Path
) -> None:
    (tmp_path / "e.jsonl").write_text('{"id": 1, "card": "a"}\n{"id": 2, "card": "b"}\n')
    source = ("--source", str(tmp_path / "e.jsonl"))
    commands.run("replay", *source)
    said = refused(commands, *source)
    assert "of 2 records: --again sends" in said
    assert "--resume" not in said
    assert size(kafka, f"{topic_name}.events.v1") == 2


def test_a_time_in_the_future_is_refused_by_its_line_before_anything_is_sent(
    commands: Commands, kafka: str, topic_name: str, tmp_path: Path
) -> None:
    create_topic(
        kafka,
        f"{topic_name}.events.v1",
        2,
        message_timestamp_after_max_ms="3600000",
        retention_ms="-1",
    )
    said = refused(commands, *rows(tmp_path / "e.csv", "a,c,2020-01-01", "b,c,2999-01-01"))
    assert "e.csv:3: an event of 2999-01-01 00:00" in said
    assert "message.timestamp.after.max.ms" in said
    assert size(kafka, f"{topic_name}.events.v1") == 0


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"message_timestamp_before_max_ms": "86400000"}, "message.timestamp.before.max.ms"),
        ({"message_timestamp_type": "LogAppendTime"}, "LogAppendTime"),
        ({"retention_ms": "86400000"}, "retention.ms"),
    ],
)
def test_history_that_a_topic_does_not_take_is_refused_with_the_setting(
    commands: Commands, kafka: str, topic_name: str, tmp_path: Path,
    config: dict[str, str], named: str,
) -> None:  # fmt: skip
    create_topic(kafka, f"{topic_name}.events.v1", 2, **{"retention_ms": "-1"} | config)
    options = rows(tmp_path / "e.csv", "a,c,2018-04-01", "b,c,2018-04-02")
    for more in ([], ["--resume"], ["--pace", "1d/1s"]):
        assert named in refused(commands, *options, *more)
    assert size(kafka, f"{topic_name}.events.v1") == 0


def test_a_topic_with_another_retention_than_the_file_says_is_told_and_altered(
    commands: Commands, kafka: str, topic_name: str, tmp_path: Path
) -> None:
    create_topic(kafka, f"{topic_name}.events.v1", 2, retention_ms="86400000")
    topics = commands.start("topics")
    _, err = topics.communicate()
    warning = f"warning: {topic_name}.events.v1: retention.ms is 86400000, and should be -1"
    assert warning in err
    options = rows(tmp_path / "e.csv", "a,c,2018-04-01")
    assert "riverrun topics FILE --alter" in refused(commands, *options)
    altered = commands.run("topics", "--alter")
    assert f"{topic_name}.events.v1: altered, retention.ms is -1, was 86400000" in altered
    assert commands.run("replay", *options).startswith("1 events delivered")


def test_a_compacted_input_is_told(commands: Commands, kafka: str, topic_name: str) -> None:
    create_topic(kafka, f"{topic_name}.events.v1", 2, cleanup_policy="compact")
    _, err = commands.start("topics").communicate()
    assert f"warning: {topic_name}.events.v1: cleanup.policy = compact" in err
