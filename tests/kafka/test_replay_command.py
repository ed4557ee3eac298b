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
from tests.kafka.support import read_committed
from tests.kafka.test_commands import Commands

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
    first, *others = paced.communicate(timeout=30)[0], commands.run(*replay), commands.run(*replay)
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
