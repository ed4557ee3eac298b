"""Several learners: each share is a function of the log of rows, and together they are one."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from agents.shared.rows import RowBlock
from agents.shared.versions import Versions
from app.kafka.partitions import TP
from app.pipeline.load import Pipeline, load_pipeline
from app.pipeline.models import new_model
from app.pipeline.stages import stages
from app.trial.local import LocalPipeline
from app.worker.state.layout import MODEL
from app.worker.tasks import Change
from learners.engine.rows import Rows
from learners.model import UNLABELLED, Model
from learners.saved import snapshots
from learners.saved.fingerprint import fingerprint
from learners.spread.joining import joined, plain
from tests.app.support import restored
from tests.app.worker.committed import Kafka
from tests.app.worker.crew import play
from tests.app.worker.playing import Told

NAMES, PARTITIONS, EVENTS = ("a", "b"), 3, 300
FILE = """
name = "p"
[events]
topic = "cards"
id = "id"
key = "card"
features = ["a", "b"]
[labels]
topic = "verdicts"
expire = "30d"
[predictions]
topic = "said"
{more}
[learner]
scale = true
shared = "learner"
learners = {learners}
{learner}
"""
BAG = 'type = "bagging"\nmembers = 6\nlearner = { type = "logistic_regression" }'
CLASSES = 'type = "one_vs_rest"\nlearner = { type = "arow" }'
FOREST = 'type = "river.forest.ARFClassifier"\nn_models = 3\ngrace_period = 20'
BUDGET = '[decisions]\nbudget = 5\nper = "100ms"\nentity = "card"\n'


def read(folder: Path, learners: int, learner: str = BAG, more: str = "") -> Pipeline:
    file = folder / f"p{learners}.toml"
    file.write_text(FILE.format(learners=learners, learner=learner, more=more))
    return load_pipeline(file, environ={})


def history(learner: str = BAG, events: int = EVENTS) -> list[Told]:
    """Events, and their labels 40 records later."""
    draw, found = random.Random(4), []
    said = [{"id": n, "a": draw.gauss(0, 1), "b": draw.random()} for n in range(events)]
    for n in range(events + 40):
        if n < events:
            card = f"card {n % 7}"
            found.append(Told("cards", card, said[n] | {"card": card}, 1_000 + n))
        if n >= 40:
            x = said[n - 40]
            truth: Any = x["a"] > x["b"]
            if learner == CLASSES:
                truth = "pqrst"[min(n // 50, int(3 * x["b"]) + 2 * truth)]
            verdict = {"id": x["id"], "label": truth}
            found.append(Told("verdicts", f"card {(n - 40) % 7}", verdict, 1_000 + n))
    return found


Taken = dict[tuple[int, int], bytes]
"""All versions that scorers have taken, by the learner and by the rows that it had learned."""


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Taken:
    found: Taken = {}
    take = Versions.take

    def noted(versions: Versions, snapshot: bytes, learner: int = 0) -> None:
        found[learner, snapshots.read_header(snapshot).learned] = snapshot
        take(versions, snapshot, learner)

    monkeypatch.setattr(Versions, "take", noted)
    return found


def offline(kafka: Kafka, pipeline: Pipeline, model: Model) -> Model:
    """The plain loop: one row after another, in the order of the log."""
    for record in kafka.logs[TP(pipeline.rows_topic, 0)]:
        block = RowBlock.decode(record.value())
        for row, label in zip(block.rows, block.labels, strict=True):
            model.run(RowBlock(block.names, [row]).features(), [label])
    return model


def shares(kafka: Kafka, pipeline: Pipeline) -> list[Model]:
    """The newest version of each learner, as it was committed."""
    last, found = stages(pipeline)[-1], []
    for n in last.learners:
        state, offsets = kafka.states[TP(last.state_topic, n)]
        rows = list(state.items())
        entries = restored(Change(n, offsets, [], last.state_topic, rows, 0)).entries
        snapshot = entries.get(MODEL)
        assert snapshot is not None
        found.append(snapshots.load(snapshot, new_model(pipeline, n))[0])
    return found


HOWS = [(1, 0, 0), (3, 0, 0), (2, 5, 0), (3, 3, 4)]
"""Workers, how often one is killed, and how often partitions move."""


@pytest.mark.parametrize(
    ("learner", "how"),
    [
        *((each, how) for how in HOWS for each in (BAG, CLASSES)),
        (FOREST, HOWS[0]),
        (FOREST, HOWS[3]),
    ],
)
def test_each_share_is_that_of_a_plain_loop_over_the_log_of_rows(
    tmp_path: Path, taken: Taken, learner: str, how: tuple[int, int, int]
) -> None:
    workers, kills, moves = how
    count = 80 if learner == FOREST else EVENTS
    pipeline, told = read(tmp_path, 3, learner), history(learner, count)
    kafka, _ = play(pipeline, PARTITIONS, told, workers=workers, seed=7, kills=kills, moves=moves)
    assert len(kafka.predictions) == count
    found = shares(kafka, pipeline)
    for n, share in enumerate(found):
        alone = offline(kafka, pipeline, new_model(pipeline, n))
        assert (share.learned, share.fingerprint()) == (count, alone.fingerprint())
    together = joined(pipeline.learner.spec, found)
    whole = offline(kafka, pipeline, new_model(pipeline))
    if learner == FOREST:  # River's own has one generator for all trees
        assert fingerprint(_trees(together)) == fingerprint(_trees(whole))
    else:
        assert together.fingerprint() == whole.fingerprint()
        one = offline(kafka, pipeline, new_model(read(tmp_path, 1, learner)))
        assert plain(together).fingerprint() == one.fingerprint()
    _require_recomputed(kafka, pipeline, told, taken)


def _trees(model: Model) -> Any:
    """By their numbers."""
    estimator: Any = model.estimator
    return estimator.final.parts


def _require_recomputed(kafka: Kafka, pipeline: Pipeline, told: list[Told], taken: Taken) -> None:
    """Every score is that of the versions which its prediction names."""
    features = {each.value["id"]: each.value for each in told if each.topic == "cards"}
    of_version = defaultdict[tuple[int, ...], list[dict[str, Any]]](list)
    for said in kafka.predictions:
        model = said["model"]
        assert model["version"] == min(model["shares"])
        of_version[tuple(model["shares"])].append(said)
    for versions, predictions in of_version.items():
        models = []
        for n, version in enumerate(versions):
            model = new_model(pipeline, n)
            if version:
                model, _ = snapshots.load(taken[n, version], model)
            models.append(model)
        scorer = joined(pipeline.learner.spec, models)
        for said in predictions:
            row = {name: features[said["id"]][name] for name in NAMES}
            rows: Any = Rows.from_dicts([row]) if scorer.batched else [row]
            scored = scorer.run(rows, [UNLABELLED])
            assert (scored.predictions, scored.scores) == ([said["prediction"]], [said["score"]])


@pytest.mark.parametrize("learner", [BAG, CLASSES], ids=["bag", "classes"])
def test_four_learners_in_one_worker_score_as_one_learner_does(
    tmp_path: Path, learner: str
) -> None:
    told = history(learner)
    found = []
    for learners in (1, 4):
        kafka, _ = play(read(tmp_path, learners, learner), PARTITIONS, told)
        found.append(kafka)
    one, four = found
    assert four.scores == one.scores
    assert all("shares" not in said["model"] for said in one.predictions)
    for said in four.predictions:
        assert said["model"]["shares"] == [said["model"]["version"]] * 4


def test_learners_that_are_apart_are_at_different_versions(tmp_path: Path, taken: Taken) -> None:
    kafka, _ = play(read(tmp_path, 3), PARTITIONS, history(), workers=3, seed=7)
    assert any(len(set(said["model"]["shares"])) > 1 for said in kafka.predictions)


def test_the_rows_are_dealt_to_all_learners_in_one_order(tmp_path: Path) -> None:
    pipeline = read(tmp_path, 3)
    kafka, _ = play(pipeline, PARTITIONS, history(), workers=3, seed=3, kills=4)
    log = [record.value() for record in kafka.logs[TP(pipeline.rows_topic, 0)]]
    assert sum(len(RowBlock.decode(value)) for value in log) == EVENTS
    for n in range(3):
        assert [r.value() for r in kafka.logs[TP(pipeline.shares_topic, n)]] == log


@pytest.mark.parametrize("workers", [1, 3])
def test_a_budget_is_spent_by_the_scores_of_all_learners(tmp_path: Path, workers: int) -> None:
    kafka, _ = play(read(tmp_path, 3, more=BUDGET), PARTITIONS, history(), workers=workers, seed=2)
    assert len(kafka.predictions) == EVENTS
    for said in kafka.predictions:
        assert said["model"]["version"] == min(said["model"]["shares"])
    assert any(said["decision"] == "alert" for said in kafka.predictions)


def test_a_block_that_cannot_be_read_is_a_dead_letter_once(tmp_path: Path) -> None:
    pipeline = read(tmp_path, 3)
    kafka, (worker,) = play(pipeline, PARTITIONS, history())
    kafka._append(pipeline.rows_topic, None, b"\xc1", 0, 0)
    worker.start()
    while worker.step(50):
        worker.commit()
    worker.commit()
    assert [letter.value for letter in kafka.letters] == [b"\xc1"]
    assert all(share.learned == EVENTS for share in shares(kafka, pipeline))


def test_a_pipeline_without_kafka_has_the_members_of_all_learners(tmp_path: Path) -> None:
    said: list[list[Any]] = []
    for learners in (1, 3):
        read(tmp_path, learners)
        local = LocalPipeline(tmp_path / f"p{learners}.toml")
        said.append([])
        for told in history():
            value = told.value
            made = local.learn_one(value) if told.topic == "verdicts" else local.predict_one(value)
            if made is not None:
                said[-1].append((made["prediction"], made["score"], made["model"]))
    one, three = said
    assert [(p, s, m["version"]) for p, s, m in three] == [(p, s, m["version"]) for p, s, m in one]
    assert all(m["shares"] == [m["version"]] * 3 for *_, m in three)
