"""A history that is trained, then the stream from the cut, on a real broker."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli import cli
from app.kafka.admin import ensure_topics
from app.kafka.clients import replay_producer
from app.pipeline.load import load_pipeline
from app.replay.replay import replay
from app.replay.times import between
from app.training.errors import CutRefused, HistoryRefused, NotConsistent, NotNew
from app.training.learning import Plan
from app.training.run import train_and_place
from tests.app.trial.streams import START, TEXT, source, write
from tests.kafka.late import said, state, wait_for_all
from tests.kafka.running import Stream, workers

ORDERS = 260
BAD = {"amount": "much"}
CUT = START + 180 * 600
"""Seconds: that of the order number 180."""


def stream(kafka: str, folder: Path, name: str, since: int | None = None) -> Stream:
    """A pipeline, and its events and labels from a time on."""
    file = folder / f"{name}.toml"
    text = TEXT.replace('"shop.', f'"{name}.').replace('name = "shop"', f'name = "{name}"')
    text = text.replace("partitions = 1", "partitions = 2")
    file.write_text(text + '[worker]\ncommit_interval = "30ms"\n')
    made = Stream(kafka, file, load_pipeline(file))
    ensure_topics(made.pipeline, made.kafka)
    replay(
        made.pipeline,
        between(source(folder), since and since * 1000, None),
        replay_producer(made.kafka),
    )
    return made


def go_on(made: Stream) -> dict[str, dict[str, Any]]:
    """A worker to the end of all input; the predictions by the id of their event."""
    with workers(made, "a"):
        wait_for_all(made)
    return {each.pop("id"): _bare(each) for each in said(made).values()}


def _bare(prediction: dict[str, Any]) -> dict[str, Any]:
    """Without the names of topics and the places there, which differ."""
    return prediction | {"source": None, "model": prediction["model"]["version"]}


def train(made: Stream, folder: Path, *more: str) -> Any:
    return CliRunner().invoke(
        cli,
        ["train", str(made.file), "--bootstrap-servers", made.bootstrap, "--time", "when",
         "--history", str(folder / "orders.csv"), "--labels", str(folder / "returns.csv"),
         "--cut", datetime.fromtimestamp(CUT, UTC).isoformat(), *more],
    )  # fmt: skip


def test_history_and_then_the_stream_are_the_stream_alone(
    kafka: str, topic_name: str, tmp_path: Path
) -> None:
    write(tmp_path, orders=ORDERS)
    alone, cut = (stream(kafka, tmp_path, f"{n}{topic_name[-8:]}") for n in ("alone", "cut"))
    # Its topics have nothing of the history.
    short = stream(kafka, tmp_path, f"short{topic_name[-8:]}", CUT)
    expected = go_on(alone)
    changed = tmp_path / "changed"
    changed.mkdir()
    write(changed, orders=ORDERS)
    rows = (changed / "orders.csv").read_text().replace(",c7,", ",c8,")
    (changed / "orders.csv").write_text(rows)
    done = train(cut, changed, "--until-cut", "--overlap", "12h", "--bound", "1")
    assert isinstance(done.exception, NotConsistent), done.output
    for made in (cut, short):
        overlap = ["--overlap", "12h"] if made is cut else []
        done = train(made, tmp_path, "--until-cut", *overlap)
        if overlap:
            assert "72 events scored both ways; 100.0000% of their features" in done.output
        assert done.exit_code == 0, done.output + repr(done.exception)
        found = go_on(made)
        assert len(found) == len(expected) - 179  # of 180 the number 13 has no amount
        assert found == {id_: expected[id_] for id_ in found}
        for one, other in zip(alone.models(), made.models(), strict=True):
            assert one.fingerprint() == other.fingerprint()
    for stage in (0, 1):
        assert _renamed(state(cut, stage), cut) == _renamed(state(alone, stage), alone)
    with pytest.raises(NotNew, match="has a state already"):
        train_and_place(cut.pipeline, cut.kafka, lambda: source(tmp_path), Plan(CUT * 1000))


def _renamed(found: Any, made: Stream) -> dict[int, dict[str, bytes]]:
    """States in which the name of the pipeline stands for none."""
    name = made.pipeline.name.encode()
    return {
        n: {key: value.replace(name, b"NAME") for key, value in entries.items()}
        for n, entries in found.items()
    }


def test_history_and_topics_must_meet(kafka: str, topic_name: str, tmp_path: Path) -> None:
    write(tmp_path, orders=40)
    made = stream(kafka, tmp_path, f"meet{topic_name[-8:]}")
    short = between(source(tmp_path), None, (START + 10 * 600) * 1000)
    with pytest.raises(CutRefused, match=r"the history's events end at .* would be left out"):
        train_and_place(made.pipeline, made.kafka, lambda: short, Plan((START + 20 * 600) * 1000))
    # An order of before the cut that comes behind it is left to the stream.
    again = between(source(tmp_path), START * 1000, (START + 600) * 1000)
    replay(made.pipeline, again, replay_producer(made.kafka))
    time = (START + 20 * 600) * 1000
    late = between(source(tmp_path), (START + 600) * 1000, (START + 1200) * 1000)

    def more(done: int) -> None:
        """Another one comes while the history is learned."""
        replay(made.pipeline, late, replay_producer(made.kafka))

    until = between(source(tmp_path), None, time)
    with pytest.raises(CutRefused, match="came to the topics while the history was learned"):
        train_and_place(made.pipeline, made.kafka, lambda: until, Plan(time), show=more)
    read = until.read
    useless = replace(until, read=lambda: (e._replace(fields=e.fields | BAD) for e in read()))
    with pytest.raises(HistoryRefused, match="could be scored: all 18 became dead letters"):
        train_and_place(made.pipeline, made.kafka, lambda: useless, Plan(time))
    done = train_and_place(
        made.pipeline, made.kafka, lambda: between(source(tmp_path), None, time), Plan(time)
    )
    assert done.history.skipped == 2
    assert done.history.counts["event"] == 18
    assert len(go_on(made)) == 40 - 18
