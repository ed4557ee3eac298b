"""The fraud benchmark evaluates any scores; each label has the weight of its protocol."""

import math
from collections import Counter
from typing import Any

import pytest

from app.fraud.features import DELAY
from app.fraud.handbook import Size
from app.fraud.stream import Names, merged
from app.fraud.transactions import DAY, EPOCH
from app.fraud.yardstick import evaluate
from app.pipeline.load import load_pipeline
from app.replay.base import Event
from benchmarks.fraud import FILE, SMALL, Protocol, Trial, source, verdict
from benchmarks.fraud_protocol import Yardstick

FIRST = 25


@pytest.fixture(scope="module")
def yardstick() -> Yardstick:
    """A small history and its week of test."""
    return Yardstick(SMALL, FIRST)


def sent(yardstick: Yardstick, protocol: Protocol) -> tuple[list[Event], list[Event]]:
    """The events and the labels that a trial sends."""
    records = list(source(yardstick.data, Trial(protocol, SMALL, FIRST)).read())
    events, labels = ([r for r in records if r.kind == kind] for kind in ("event", "label"))
    return events, labels


def day_of_event(label: Event) -> int:
    """The day of the event whose label this is, counted from the first of the simulation."""
    day: int = (label.fields["time"] - DELAY - EPOCH) // DAY
    return day


def test_only_the_labels_of_the_training_week_are_learned_of_a_frozen_model(
    yardstick: Yardstick,
) -> None:
    events, labels = sent(yardstick, "frozen")
    days = {kind: {day_of_event(r) for r in labels if r.fields["source"] == kind} for kind in KINDS}
    assert days == {"learned": set(range(25, 32)), "heard": {*range(25), *range(32, 39)}}
    week = yardstick.data.days(FIRST, 7)
    assert Counter(r.fields["source"] for r in labels)["learned"] == len(week)
    assert len(events) == len(yardstick.data.days(0, FIRST + 21))


KINDS = ("learned", "heard")


def test_all_labels_from_day_30_on_are_learned_of_a_living_model(yardstick: Yardstick) -> None:
    _, labels = sent(yardstick, "live")
    learned = [day_of_event(r) for r in labels if r.fields["source"] == "learned"]
    assert set(learned) == set(range(30, 39))
    assert len(labels) - len(learned) == len(yardstick.data.days(0, 30))


def test_what_is_sent_is_the_simulation_up_to_the_end_of_the_test(yardstick: Yardstick) -> None:
    events, labels = sent(yardstick, "live")
    expected = merged([yardstick.data], Names())
    end = EPOCH + (FIRST + 21) * DAY
    kept = [record for record in expected if record.value["time"] < end]
    assert [e.fields for e in events] == [r.value for r in kept if r.kind == "event"]
    told = [{k: v for k, v in r.fields.items() if k != "source"} for r in labels]
    assert told == [r.value for r in kept if r.kind == "label"]


def test_predictions_by_id_are_judged_as_their_column_is(yardstick: Yardstick) -> None:
    test = yardstick.test
    by_id = {f"handbook-{id_:07}": amount for id_, amount in zip(test.id, test.amount, strict=True)}
    others = {"handbook-0000000": 1e9, "live-1": 1e9}
    row = yardstick.row_of_predictions("amount", by_id | others)
    assert row == yardstick.row("amount", test.amount)
    assert row["auc"] == round(evaluate(test, test.amount).auc, 3)
    assert row["average_precision"] > 0.1

    del by_id[f"handbook-{test.id[3]:07}"]
    with pytest.raises(ValueError, match=rf"^1 of {len(test)} have no score; the first: handb"):
        yardstick.row_of_predictions("amount", by_id)


def test_a_simulation_that_ends_before_the_test_has_no_verdict(yardstick: Yardstick) -> None:
    short = Trial("live", Size(100, 400, FIRST + 20), FIRST)
    row = verdict("ours", short, yardstick, {})
    assert row == {"benchmark": "fraud", "model": "ours"}
    with pytest.raises(ValueError, match="have no score"):
        verdict("ours", Trial("live", SMALL, FIRST), yardstick, {})


def test_the_published_models_stand_beside_their_own_week_only(yardstick: Yardstick) -> None:
    names = [row["model"] for row in yardstick.references()]
    assert names == ["ceiling", "hand rule of three terms"]


def test_the_rule_is_worth_more_than_chance_and_the_ceiling_is_above_it(
    yardstick: Yardstick,
) -> None:
    top, rule = yardstick.references()
    assert 0.7 < rule["auc"] <= 1
    assert top["card_precision"] >= rule["card_precision"] > 0
    assert not math.isnan(rule["average_precision"])


@pytest.mark.parametrize(("protocol", "rate"), [("live", 0.1), ("frozen", 0.03)])
def test_a_trial_is_the_pipeline_of_the_folder_with_topics_of_its_own(
    protocol: Protocol, rate: float
) -> None:
    ours = load_pipeline(FILE, environ={})
    trial = Trial(protocol, Size(), settings=("worker.max_batch=7",), partitions=3)
    pipeline = load_pipeline(FILE, trial.overrides(), {})
    topics = [table["topic"] for table in tables(pipeline)]
    assert all(topic.startswith(pipeline.name) for topic in topics)
    assert len(set(topics)) == 5
    assert pipeline.labels is not None
    assert pipeline.labels.weights == {"learned": 1, "heard": 0}
    assert (pipeline.entities, pipeline.events.features) == (ours.entities, ours.events.features)
    assert (pipeline.topics.partitions, pipeline.worker.max_batch) == (3, 7)
    assert pipeline.learner.params["learning_rate"] == rate


def tables(pipeline: Any) -> list[dict[str, Any]]:
    """The tables that name topics."""
    found = pipeline.model_dump()
    return [found[n] for n in ("events", "labels", "predictions", "decisions", "metrics")]
