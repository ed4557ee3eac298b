"""The commands together, as a user runs them: topics, replay, worker, evaluate, inspect."""

import json
import signal
import time
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from tests.kafka.commands import Commands
from tests.kafka.running import wait_until
from tests.kafka.support import read_committed

ROOT = Path(__file__).parents[2]


@pytest.fixture
def commands(kafka: str, topic_name: str, tmp_path: Path) -> Commands:
    text = (ROOT / "pipelines" / "phishing.toml").read_text().replace('"phishing', f'"{topic_name}')
    (tmp_path / "p.toml").write_text(text)
    return Commands(kafka, tmp_path / "p.toml")


def evaluated(commands: Commands) -> dict[str, float]:
    """The evaluation, once no event waits any more."""
    deadline = time.monotonic() + 60
    while True:
        found: dict[str, float] = json.loads(commands.run("evaluate", "--json"))
        if not found["waiting"]:
            return found
        assert time.monotonic() < deadline, found


def test_a_data_set_goes_through_and_every_event_is_predicted_once(
    commands: Commands, topic_name: str
) -> None:
    created = commands.run("topics")
    assert created.count("created, 4 partitions, replication 1") == 4
    assert commands.run("topics").count("there, 4 partitions, replication 1") == 4
    replayed = commands.run("replay", "--source", "phishing")
    assert replayed.startswith(f"1,250 events delivered to {topic_name}.events.v1 in ")

    worker = commands.start("worker")
    try:
        found = evaluated(commands)
    finally:
        worker.send_signal(signal.SIGTERM)
        _, log = worker.communicate()
    assert worker.returncode == 0, log
    counts = ("events", "predictions", "missing", "duplicates", "dead_letters", "labelled")
    assert [found[name] for name in counts] == [1250, 1250, 0, 0, 0, 1250]
    assert found["learned"] == 1250
    assert found["roc_auc"] > 0.85

    partitions = [json.loads(line) for line in commands.run("inspect", "--json").splitlines()]
    assert [p["partition"] for p in partitions] == [0, 1, 2, 3]
    assert sum(p["learned"] for p in partitions) == 1250
    assert [p["lag"] for p in partitions] == [0, 0, 0, 0]
    assert commands.run("dead-letters", "list") == ""


def test_a_replay_creates_the_topics_that_lack_and_says_so(
    commands: Commands, topic_name: str
) -> None:
    for expected, more in ((4, ()), (0, ("--again",))):
        replay = commands.start("replay", "--source", "phishing", "--limit", "3", *more)
        _, err = replay.communicate()
        assert replay.returncode == 0
        assert err.count(": created, 4 partitions") == expected
        assert err.count(f"{topic_name}.state.v1") == bool(expected)


@pytest.mark.long
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_replay_that_is_stopped_says_how_far_it_came(
    commands: Commands, kafka: str, topic_name: str, how: signal.Signals
) -> None:
    commands.run("topics")
    replay = commands.start("replay", "--source", "phishing", "--speed", "100")
    wait_until(lambda: read_committed(kafka, f"{topic_name}.events.v1"), what="an event")
    replay.send_signal(how)
    out, err = replay.communicate()
    assert replay.returncode == 1
    delivered = int(out.split()[0])
    assert 0 < delivered < 1250
    assert err.splitlines()[-1] == "riverrun: stopped"
    assert json.loads(commands.run("evaluate", "--json"))["events"] == delivered


@pytest.mark.parametrize(("retention", "code"), [("7d", 1), ("forever", 0)])
def test_history_that_the_topic_would_delete_at_once_is_refused(
    kafka: str, tmp_path: Path, topic_name: str, retention: str, code: int
) -> None:
    file = tmp_path / "history.toml"
    file.write_text(
        f'name = "{topic_name}"\n'
        f'[events]\ntopic = "{topic_name}.events"\nid = "id"\nlabel = "fraud"\n'
        f'[predictions]\ntopic = "{topic_name}.predictions"\n'
        '[learner]\ntype = "passive_aggressive"\n'
        f'[topics]\npartitions = 1\nretention = "{retention}"\n'
    )
    source = ["--source", "live:cards=20,seed=1,days=2", "--limit", "10"]
    replay = Commands(kafka, file).start("replay", *source)
    _, errors = replay.communicate()
    assert replay.returncode == code, errors
    assert ("Kafka would delete it at once" in errors) == (code == 1)
    there = AdminClient({"bootstrap.servers": kafka}).list_topics(timeout=30).topics
    assert (f"{topic_name}.events" in there) == (code == 0), "a refusal creates nothing"
    if code == 0:
        assert len(read_committed(kafka, f"{topic_name}.events")) == 10
