"""The fraud pipeline's stages give the scores of a bare loop over features made beforehand."""

import numpy as np
import pytest

from app.fraud.features import DELAY, NAMES, Past, features
from app.fraud.transactions import Floats, Transactions
from app.pipeline.load import Pipeline, load_pipeline
from benchmarks.fraud import FILE, SMALL, Protocol, Trial, source
from benchmarks.fraud_in_process import through_memory
from benchmarks.fraud_protocol import Yardstick
from learners.engine.rows import Rows
from learners.model import UNLABELLED
from learners.registry import create

FIRST = 25


def columns(data: Transactions) -> dict[str, Floats]:
    """What the pipeline's features are, over daily buckets, by their names."""
    found = dict(zip(NAMES, features(data, "daily").T, strict=True))
    ones, fraud = np.ones(len(data)), data.fraud.astype(np.float64)
    for name in NAMES:
        entity, _, window = name.rpartition("_")
        renamed = entity.replace("_mean", "_mean_amount").replace("_risk", "_mean_fraud")
        found[f"{renamed}_{window}"] = found[name]
    count, spent = Past(data.card, data.time).sums(90, [ones, data.amount], "daily")
    found["card_ratio_amount_90d"] = data.amount / (spent / count)
    for days in (3, 15):
        past = Past(data.terminal, data.time)
        count, frauds = past.sums(days, [ones, fraud], "daily", DELAY)
        found[f"terminal_mean_fraud_{days}d"] = frauds / np.maximum(count, 1)
    return found


def bare_loop(data: Transactions, trial: Trial, pipeline: Pipeline) -> dict[str, float]:
    """Scores by id: asked and learned one after another."""
    names, learner = pipeline.events.features or (), pipeline.learner
    by_name = columns(data)
    rows = np.stack([by_name[name] for name in names], axis=1)
    model = create(learner.type, learner.params, learner.scale, None, learner.tables)
    ids, labels = [], []
    for event in source(data, trial).read():
        number = int(event.fields["id"].rpartition("-")[2])
        if event.kind == "event" or event.fields["source"] == "learned":
            ids.append(number)
            labels.append(event.fields.get("fraud", UNLABELLED))
    scores = model.run(Rows(names, rows[ids]), labels).scores
    return {
        f"handbook-{number:07}": float(score or 0.0)
        for number, label, score in zip(ids, labels, scores, strict=True)
        if label is UNLABELLED
    }


@pytest.mark.parametrize("protocol", ["live", "frozen"])
def test_the_stages_give_the_scores_of_a_bare_loop(protocol: Protocol) -> None:
    yardstick = Yardstick(SMALL, FIRST)
    trial = Trial(protocol, SMALL, FIRST)
    figures, made = through_memory(trial, yardstick.data)
    expected = bare_loop(yardstick.data, trial, load_pipeline(FILE, trial.overrides(), {}))
    assert figures["dead_letters"] == 0
    assert made.scores.keys() == expected.keys()
    ids = sorted(expected)
    found = np.array([made.scores[id_] for id_ in ids])
    np.testing.assert_allclose(found, [expected[id_] for id_ in ids], rtol=1e-9, atol=1e-12)
    assert len(np.unique(found)) > 1000
