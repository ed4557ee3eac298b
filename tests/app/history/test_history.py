"""The topic of [history]: from it alone follow the model and every score, to the last bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from app.history.export import ExportRefused, export
from app.kafka.reading import Reader
from app.pipeline.load import Pipeline
from app.pipeline.models import new_model
from app.replay.files import open_file
from app.sinks.columns import rows_of
from app.trial.records import TrialRecord
from app.trial.run import Trial, run
from learners.model import Model
from tests.app.pipeline_files import SMALLEST, read, refusal
from tests.app.trial.streams import TEXT, source, write
from topics.history import LabelledEvent

HISTORY = TEXT + '[history]\ntopic = "shop.history"\nfields = ["customer", "shop"]\n'
WITH_LABELS = """\
name = "shop"
[events]
topic = "shop.orders"
id = "order"
label = "returned"
[predictions]
topic = "shop.predictions"
[learner]
type = "logistic_regression"
[history]
topic = "shop.history"
"""


def rows(trial: Trial) -> list[LabelledEvent]:
    """What a trial has written to the topic."""
    others = (other for outputs in trial.outputs for other in outputs.others)
    values = (other.value or b"" for other in others if other.topic == "shop.history")
    return [msgspec.json.decode(value, type=LabelledEvent) for value in values]


def told(pipeline: Pipeline, found: list[LabelledEvent]) -> tuple[Model, dict[Any, float | None]]:
    """A model that learns the rows in their order, and the scores of it at their versions."""
    model, scores = new_model(pipeline), dict[Any, float | None]()
    for row in found:
        for each in found:
            if each.model is not None and each.model.version == model.learned:
                scores[each.id] = model.score(dict(each.features))
        model.run([dict(row.features)], [row.label], times=[row.weight])
    return model, scores


@pytest.mark.parametrize("size", [1, 5000])
def test_model_and_scores_follow_from_the_history_alone(tmp_path: Path, size: int) -> None:
    write(tmp_path, HISTORY, orders=300 if size > 1 else 60)
    pipeline = read(tmp_path, HISTORY, worker__max_batch=str(size))
    trial = run(pipeline, source(tmp_path))
    found = rows(trial)
    model, scores = told(pipeline, found)
    assert len(found) == model.learned == trial.model.learned > 10
    assert model.fingerprint() == trial.model.fingerprint()
    said = _predictions(trial)
    for row in found:
        assert row.score == scores[row.id] == said[row.id]["score"]
        assert row.model is not None
        assert row.source is not None
        assert row.model.version == said[row.id]["model"]["version"]
        assert row.source.offset == said[row.id]["source"]["offset"]


def test_the_record_says_when_whose_and_by_what(tmp_path: Path) -> None:
    pipeline = write(tmp_path, HISTORY, orders=300)
    orders = {
        event.fields["order"]: event for event in open_file(str(tmp_path / "orders.csv")).read()
    }
    for row in rows(run(pipeline, source(tmp_path))):
        order = orders[row.id].fields
        assert row.time == order["when"] * 1000 <= row.label_time
        assert row.fields == {name: order[name] for name in ("customer", "shop")}
        assert row.features["amount"] == order["amount"]
        assert list(row.features) == list(pipeline.events.features or ())


def test_nothing_is_kept_of_events_that_are_done(tmp_path: Path) -> None:
    from app.training.history import History
    from app.training.training import train

    pipeline = write(tmp_path, HISTORY, orders=600)
    made = train(
        pipeline,
        History(pipeline, source(tmp_path), 1, 2**60).records,
        dict.fromkeys(("shop.orders", "shop.returns", "shop.by-shop.v1"), 1),
    )
    *_, last = made.assignment.tasks.values()
    waiting = {key.partition("/")[2] for key, _ in last.state.items("row/")}
    assert {key.partition("/")[2] for key, _ in last.state.items("history/")} == waiting
    assert 0 < len(waiting) < 600


def test_labels_that_come_with_their_events(tmp_path: Path) -> None:
    lines = ["order,returned,x"] + [f"{n},{str(n % 3 == 0).lower()},{n % 7}" for n in range(60)]
    (tmp_path / "orders.csv").write_text("\n".join(lines))
    pipeline = read(tmp_path, WITH_LABELS)
    trial = run(pipeline, open_file(str(tmp_path / "orders.csv")))
    found = rows(trial)
    model, scores = told(pipeline, found)
    assert [(row.id, row.label) for row in found] == [(n, n % 3 == 0) for n in range(60)]
    assert model.fingerprint() == trial.model.fingerprint()
    assert [row.score for row in found] == [scores[n] for n in range(60)]


def test_it_needs_labels(tmp_path: Path) -> None:
    text = SMALLEST + '[history]\ntopic = "h"\n'
    assert "history: needs labels, which it waits for" in refusal(tmp_path, text)


class Topic:
    """A reader of one topic."""

    def __init__(self, values: list[bytes]) -> None:
        self.values = values

    def read(self, topic: str) -> Iterator[TrialRecord]:
        assert topic == "shop.history"
        return (TrialRecord(topic, n, None, value) for n, value in enumerate(self.values))


def exported(folder: Path, name: str, **more: bool) -> tuple[Path, list[LabelledEvent], Any]:
    pipeline = write(folder, HISTORY, orders=200)
    found = rows(run(pipeline, source(folder)))
    topic = Topic([*map(msgspec.json.encode, found), b"no event", b"{}"])
    path = folder / name
    return path, found, export(pipeline, cast(Reader, topic), path, **more)


def test_it_is_exported_as_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    from app.sinks.arrow import schema_of

    path, found, done = exported(tmp_path, "h.parquet")
    assert (done.rows, done.unreadable) == (len(found), 2)
    table = parquet.read_table(path).to_pylist()
    assert [msgspec.json.decode(row["features"]) for row in table] == [
        dict(each.features) for each in found
    ]
    assert [row["score"] for row in table] == [each.score for each in found]
    assert [row["label"] for row in table] == [each.label for each in found]
    assert [row["time"].timestamp() * 1000 for row in table] == [each.time for each in found]
    schema = parquet.read_schema(path)
    sink = rows_of(read(tmp_path, HISTORY), "history")
    assert schema.equals(schema_of(sink.columns)), "a sink of the topic has the same columns"
    assert sorted(p.name for p in tmp_path.glob("*h.parquet*")) == ["h.parquet"]


def test_it_is_exported_as_lines(tmp_path: Path) -> None:
    path, found, _ = exported(tmp_path, "h.jsonl")
    lines = path.read_bytes().splitlines()
    assert [msgspec.json.decode(line, type=LabelledEvent) for line in lines] == found
    with pytest.raises(ExportRefused, match="is there already; --force replaces it"):
        exported(tmp_path, "h.jsonl")
    assert exported(tmp_path, "h.jsonl", force=True)[2].rows == len(found)


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [(TEXT, "h.jsonl", "has no table"), (HISTORY, "h.txt", "must end in .parquet or .jsonl")],
)
def test_what_cannot_be_exported_is_refused(
    tmp_path: Path, text: str, name: str, said: str
) -> None:
    pipeline = write(tmp_path, text, orders=10)
    with pytest.raises(ExportRefused, match=said):
        export(pipeline, cast(Reader, Topic([])), tmp_path / name)


def _predictions(trial: Trial) -> dict[Any, Any]:
    values = [value for outputs in trial.outputs for _, value in outputs.predictions]
    return {said["id"]: said for said in map(msgspec.json.decode, values)}
