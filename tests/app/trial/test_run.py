"""A pipeline over a file, in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from river.linear_model import LogisticRegression

from app.evaluation.evaluate import evaluate_topics
from app.replay.sources import open_source
from app.trial.rejected import most_frequent, rejected_rows
from app.trial.run import LearnerFails, Trial, run
from app.trial.topics import TrialTopics
from learners import registry
from tests.app.pipeline_files import LABEL, SMALLEST, read
from tests.app.trial.streams import TEXT, source, write
from tests.learners.own_state import Saved
from topics.codecs import Codec


def said(trial: Trial) -> list[Any]:
    """Predictions, dead letters, alerts and metrics of a trial, by topic.

    The dead letters of a batch are in the order of the stages at which they failed: here sorted.
    """
    outputs = trial.outputs
    return [
        [pair for o in outputs for pair in o.predictions],
        sorted((x.key, x.value, x.headers) for o in outputs for x in o.dead_letters),
        sorted(((x.topic, x.key, x.value) for o in outputs for x in o.others), key=lambda x: x[0]),
    ]


def test_predictions_are_those_of_a_loop_by_hand(tmp_path: Path) -> None:
    pipeline = read(tmp_path, LABEL.replace('"y"', '"is_phishing"'))
    trial = run(pipeline, open_source("phishing", label="is_phishing"))
    model, found = registry.create("passive_aggressive"), []
    for event in open_source("phishing", label="is_phishing").read():
        x = {k: v for k, v in event.fields.items() if k != "is_phishing"}
        found.append((model.predict_one(x), model.score(x)))
        model.learn_one(x, event.fields["is_phishing"])
    values = [Codec("json").decode(value) for _, value in said(trial)[0]]
    assert [(v["prediction"], v["score"]) for v in values] == found
    assert trial.model.fingerprint() == model.fingerprint()


@pytest.mark.parametrize("size", [1, 17])
def test_where_batches_end_changes_nothing(tmp_path: Path, size: int) -> None:
    write(tmp_path, orders=300)
    whole = run(read(tmp_path, TEXT), source(tmp_path))
    parts = run(read(tmp_path, TEXT, worker__max_batch=str(size)), source(tmp_path))
    assert said(parts) == said(whole)
    assert parts.model.fingerprint() == whole.model.fingerprint()
    assert all(map(len, said(whole)))


def test_a_shared_learner_learns_at_once(tmp_path: Path) -> None:
    write(tmp_path, orders=300)
    apart = run(read(tmp_path, TEXT), source(tmp_path))
    shared = run(read(tmp_path, TEXT, learner__shared="learner"), source(tmp_path))
    assert said(shared) == said(apart)


class Balky(Saved, LogisticRegression):
    """Fails while it learns an event with items = 3 and an amount below 2."""

    def learn_one(self, x: Any, y: Any, w: Any = 1.0) -> None:
        super().learn_one(x, y)
        if x["items"] == 3 and x["amount"] < 2.0:
            raise ArithmeticError("no threes")


class Broken(Saved, LogisticRegression):
    """Learns nothing."""

    def learn_one(self, x: Any, y: Any, w: Any = 1.0) -> None:
        raise ArithmeticError("never")


def own(learner: str) -> str:
    """The pipeline with a learner of this file, which sees the features as they are."""
    text = TEXT.replace('"logistic_regression"', f'"tests.app.trial.test_run:{learner}"')
    return text.replace("reasons = 2\n", "").replace("scale = true\n", "")


def test_what_the_learner_fails_on_is_set_aside_and_leaves_no_trace(tmp_path: Path) -> None:
    pipeline = write(tmp_path, own("Balky"), orders=500)
    trial = run(pipeline, source(tmp_path))
    rows = [row for row in rejected_rows(pipeline, trial) if row.stage == "learn"]
    assert rows
    assert all(row.error == "no threes" for row in rows)
    evaluation, _ = evaluate_topics(pipeline, TrialTopics(pipeline, trial))
    assert (evaluation.missing, evaluation.duplicates, evaluation.waiting) == (0, 0, 0)


def test_a_learner_that_always_fails_ends_the_trial(tmp_path: Path) -> None:
    pipeline = write(tmp_path, own("Broken"), orders=100)
    with pytest.raises(LearnerFails, match=r"^\w+\.csv:\d+: the learner fails .*never"):
        run(pipeline, source(tmp_path))


def test_rejected_rows_are_named_by_their_lines(tmp_path: Path) -> None:
    pipeline = write(tmp_path)
    rows = list(rejected_rows(pipeline, run(pipeline, source(tmp_path))))
    first = next(row for row in rows if "orders" in row.where)
    assert (first.where, first.row["amount"]) == ("orders.csv:15", "much")
    (events, labels) = most_frequent(iter(rows))
    assert events.startswith("4 rows rejected (validate), the first orders.csv:15: Expec")
    assert labels.startswith("2 rows rejected (validate), the first returns.csv:")


def test_without_times_rows_follow_each_other_by_a_millisecond(tmp_path: Path) -> None:
    pipeline = read(tmp_path, SMALLEST)
    records = run(pipeline, open_source("phishing"), limit=3).records
    assert [record.timestamp()[1] - records[0].timestamp()[1] for record in records] == [0, 1, 2]
    assert [record.offset() for record in records] == [0, 1, 2]
