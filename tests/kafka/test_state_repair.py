"""`riverrun state check` says what is wrong, `state repair` brings back what is whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from app.cli import main
from app.worker.state.layout import MODEL, POSITION
from tests.kafka.running import (
    Stream,
    WorkerProcess,
    assert_equal_to_bare_loop,
    stream,
    synthetic,
    workers,
)
from tests.kafka.support import produce, read_committed
from tests.kafka.test_topic_identity import GENEROUS, make_again

LEARNER = {"type": "passive_aggressive", "C": 0.01}


@pytest.fixture
def here(kafka: str, tmp_path: Path, topic_name: str) -> Stream:
    """A pipeline whose worker has done 100 events and has stopped."""
    made = stream(kafka, tmp_path, topic_name, LEARNER, worker={"session_timeout": "6s"})
    made.send(0, synthetic(1, 100))
    with workers(made, None) as (worker,):
        made.predictions()
        assert worker.stop() == 0
    return made


def run(here: Stream, *words: str, expected: int) -> None:
    """`riverrun state ...`, with its exit code."""
    with pytest.raises(SystemExit) as left:
        main(["state", words[0], str(here.file), "--bootstrap-servers", here.bootstrap, *words[1:]])
    assert left.value.code == expected


def check(here: Stream, capsys: pytest.CaptureFixture[str], *, whole: bool) -> dict[str, Any]:
    """The report as JSON."""
    capsys.readouterr()
    run(here, "check", "--json", expected=0 if whole else 1)
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert report["whole"] == whole
    return report


def repair(here: Stream, capsys: pytest.CaptureFixture[str], *words: str, expected: int = 0) -> str:
    """Repair; gives all that was printed."""
    capsys.readouterr()
    run(here, "repair", *words, "--yes", expected=expected)
    said = capsys.readouterr()
    return said.out + said.err


def move_offset(here: Stream, offset: int) -> None:
    consumer = Consumer({"bootstrap.servers": here.bootstrap, "group.id": here.pipeline.group})
    place = TopicPartition(here.pipeline.events.topic, 0, offset)
    consumer.commit(offsets=[place], asynchronous=False)
    consumer.close()


def delete_records(here: Stream, topic: str, before: int) -> None:
    """Delete what lies before an offset."""
    place = TopicPartition(topic, 0, before)
    admin = AdminClient({"bootstrap.servers": here.bootstrap})  # lives until the result is there
    admin.delete_records([place])[place].result(30)


def state_records(here: Stream) -> list[tuple[bytes, bytes | None]]:
    found = read_committed(here.bootstrap, here.pipeline.state_topic)
    return [(record.key() or b"", record.value()) for record in found]


def refused(worker: WorkerProcess) -> str:
    assert worker.process.wait(GENEROUS) == 1
    return worker.log


def goes_on(here: Stream, more: Sequence[dict[str, Any]]) -> None:
    """A worker takes the state, and no event is scored twice or left out, as by a bare loop."""
    here.send(0, more)
    with workers(here, None) as (worker,):
        assert_equal_to_bare_loop(here, LEARNER)
        assert worker.stop() == 0


def test_a_whole_state_is_whole_and_needs_no_repair(
    here: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    (partition,) = check(here, capsys, whole=True)["partitions"]
    assert partition["position"] == {here.pipeline.events.topic: 100}
    assert partition["learned"] == 100
    assert "nothing to do" in repair(here, capsys)
    run(here, "check", expected=0)
    assert "whole; " in capsys.readouterr().out


def test_an_offset_that_somebody_moved_becomes_that_of_the_state(
    here: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed, by in ((2, -60), (4, 80)):
        done = here.count
        here.send(0, synthetic(seed, 100))
        move_offset(here, done + by)
        (partition,) = check(here, capsys, whole=False)["partitions"]
        assert f"committed offset is {done + by}" in partition["damage"][0]
        assert f"{done + by} becomes {done}" in repair(here, capsys)
        check(here, capsys, whole=True)
        goes_on(here, synthetic(seed + 1, 50))


def test_offsets_that_the_broker_forgot_become_those_of_the_state(
    here: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    admin = AdminClient({"bootstrap.servers": here.bootstrap})
    admin.delete_consumer_groups([here.pipeline.group])[here.pipeline.group].result(30)
    assert "none becomes 100" in repair(here, capsys)
    goes_on(here, synthetic(3, 50))


WRITTEN = [
    (MODEL.encode(), None),
    (MODEL.encode(), b"mx"),
    (POSITION.encode(), None),
    (POSITION.encode(), b"vx"),
    (b"\xff\xfe", b"vx"),
    (b"other", b"vx"),
]
"""Keys and values that no worker has written."""


def test_what_somebody_wrote_on_the_state_topic_is_undone(
    here: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed, written in enumerate(WRITTEN, 3):
        produce(here.bootstrap, here.pipeline.state_topic, [written], 0)
        (partition,) = check(here, capsys, whole=False)["partitions"]
        assert f"{here.pipeline.state_topic}[0]" in partition["damage"][0], written
        repair(here, capsys)
        check(here, capsys, whole=True)
        goes_on(here, synthetic(seed, 20))


def test_outputs_of_a_torn_transaction_are_told_and_not_written_twice(
    here: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    """Predictions are visible, state and offsets are not: a late EndTxn left it so."""
    before = dict(state_records(here))
    here.send(0, synthetic(2, 60))
    with workers(here, None) as (worker,):
        here.predictions()
        assert worker.stop() == 0
        after = dict(state_records(here))
        # As it was before these 60 events, but for their predictions.
        rows = [(key, value) for key, value in before.items() if key != POSITION.encode()]
        rows += [(key, None) for key in after if key not in before]
        rows.append((POSITION.encode(), before[POSITION.encode()]))
        produce(here.bootstrap, here.pipeline.state_topic, rows, 0)
        move_offset(here, 100)
        (partition,) = check(here, capsys, whole=False)["partitions"]
        topic = here.pipeline.predictions.topic
        assert f"{topic}[0] has 60 records" in partition["damage"][0]
        assert "the events 100 to 159 of partition 0" in partition["damage"][0]
        worker.start()
        assert "a transaction of the past was torn" in refused(worker)
    assert "not written a second time" in repair(here, capsys)
    check(here, capsys, whole=True)
    goes_on(here, synthetic(3, 50))


def test_a_topic_that_was_made_again_is_begun_only_where_the_user_says_so(
    here: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    topic = here.pipeline.events.topic
    make_again(here.bootstrap, topic)
    events = synthetic(2, 150)
    here.events[0].clear()
    here.send(0, events)
    (partition,) = check(here, capsys, whole=False)["partitions"]
    assert f"topic {topic} was deleted and created again" in partition["damage"][0]
    assert "--new-topics" in repair(here, capsys, expected=1)
    repair(here, capsys, "--new-topics")
    check(here, capsys, whole=True)
    with workers(here, None) as (worker,):
        records = read_committed(here.bootstrap, here.pipeline.predictions.topic, 250)
        assert worker.stop() == 0
        worker.start()  # the old predictions are not taken for those of a torn transaction
        here.send(0, synthetic(3, 10))
        records = read_committed(here.bootstrap, here.pipeline.predictions.topic, 260)
        assert worker.stop() == 0
    said = [json.loads(record.value() or b"") for record in records]
    assert [p["id"] for p in said[100:250]] == [event["id"] for event in events]
    assert said[100]["model"]["version"] == 100


def test_input_that_was_deleted_is_left_out_only_where_the_user_says_so(
    here: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    here.send(0, synthetic(2, 100))
    delete_records(here, here.pipeline.events.topic, 150)
    (partition,) = check(here, capsys, whole=False)["partitions"]
    assert "offsets 100 to 149 were deleted" in partition["damage"][0]
    assert "--accept-loss" in repair(here, capsys, expected=1)
    repair(here, capsys, "--accept-loss")
    with workers(here, None) as (worker,):
        records = read_committed(here.bootstrap, here.pipeline.predictions.topic, 150)
        assert worker.stop() == 0
    assert json.loads(records[100].value() or b"")["source"]["offset"] == 150


def test_a_state_that_is_gone_is_not_made_up(
    here: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    make_again(here.bootstrap, here.pipeline.state_topic)
    check(here, capsys, whole=False)
    said = repair(here, capsys, expected=1)
    assert "no whole state is left" in said
    assert "new name" in said


def test_nothing_is_repaired_while_a_worker_runs_or_without_a_yes(
    here: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    move_offset(here, 40)
    run(here, "repair", expected=1)
    assert "nothing was done" in capsys.readouterr().err
    check(here, capsys, whole=False)
    repair(here, capsys)
    here.send(0, synthetic(2, 10))
    with workers(here, None) as (worker,):
        here.predictions()
        assert "stop the workers first" in repair(here, capsys, expected=1)
        assert worker.stop() == 0
