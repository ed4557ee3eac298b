"""The score agent: every event is predicted, then learned, or set aside with a reason."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import msgspec
import pytest
from river import datasets, linear_model, preprocessing

from agents.errors import LearnRefused
from agents.events.fields import EventFields
from learners import registry
from tests.agents.support import batch, event, predictions, reasons, score


def phishing() -> list[tuple[dict[str, float], bool]]:
    return [(dict(x), bool(y)) for x, y in datasets.Phishing()]


def test_predicts_each_event_before_it_learns_it_as_a_bare_river_loop_does() -> None:
    river = preprocessing.StandardScaler() | linear_model.PAClassifier(C=0.01)
    agent = score(
        registry.create("passive_aggressive", {"C": 0.01}, scale=True),
        EventFields("id", "y"),
    )
    values = [json.dumps({"id": i, "y": y, **x}).encode() for i, (x, y) in enumerate(phishing())]
    got = [
        p
        for at in range(0, len(values), 97)
        for p in predictions(agent.process(batch(values[at : at + 97])))
    ]
    for said, (x, y) in zip(got, phishing(), strict=True):
        assert said["prediction"] == river.predict_one(x)
        assert said["score"] == pytest.approx(river.predict_proba_one(x)[True], abs=1e-9)
        river.learn_one(x, y)


@pytest.mark.parametrize("size", [1, 7, 1250])
@pytest.mark.parametrize("features", [None, tuple(sorted(phishing()[0][0]))])
def test_the_size_of_the_batches_changes_nothing(
    size: int, features: tuple[str, ...] | None
) -> None:
    fields = EventFields("id", "y", features)
    values = [json.dumps({"id": i, "y": y, **x}).encode() for i, (x, y) in enumerate(phishing())]
    whole, parts = score(fields=fields), score(fields=fields)
    expected = predictions(whole.process(batch(values)))
    got: list[Any] = []
    for at in range(0, len(values), size):
        got += predictions(parts.process(batch(values[at : at + size], first=at)))
    assert got == expected
    assert parts.model.fingerprint() == whole.model.fingerprint()


def test_a_prediction_names_its_event_its_model_and_how_much_it_had_learned() -> None:
    outputs = score().process(
        batch([event("a", fraud=True), event("b"), event("c", fraud=0)], first=40)
    )
    assert [key for key, _ in outputs.predictions] == [b"key-40", b"key-41", b"key-42"]
    said = predictions(outputs)
    assert [p["id"] for p in said] == ["a", "b", "c"]
    assert [p["model"]["version"] for p in said] == [0, 1, 1]
    assert said[2]["source"] == {"topic": "cards", "partition": 1, "offset": 42}
    assert said[0]["model"]["name"] == "p"


def test_an_event_without_a_label_is_scored_and_not_learned() -> None:
    agent = score()
    before = agent.model.fingerprint()
    outputs = agent.process(batch([event("a"), event("b", fraud=None)]))
    assert len(outputs.predictions) == 2
    assert agent.model.learned == 0
    assert agent.model.fingerprint() == before


BAD = {
    "nothing": (None, "decode", "empty"),
    "no bytes": (b"", "decode", "truncated"),
    "not json": (b"\xff\xfe", "decode", "not valid json"),
    "a list": (b"[1, 2]", "validate", "Expected a map, got a list"),
    "a number": (b"12", "validate", "Expected a map"),
    "deep": (b"[" * 100_000, "decode|validate", "deep|map"),
    "deep inside": (event()[:-1] + b', "z": ' + b"[" * 100_000 + b"}", "decode", "deep"),
    "huge": (b'{"pad": "' + b"x" * 1_100_000 + b'"}', "decode", "1,100,0"),
    "a feature lacks": (b'{"id": "e", "amount": 1}', "validate", "night"),
    "a feature is null": (event(amount=None), "validate", "amount"),
    "a feature is text": (event(amount="12"), "validate", "amount"),
    "infinity": (event().replace(b"1.0", b"1e999"), "validate", "amount"),
    "NaN": (event(amount=float("nan")), "decode", "not valid json"),
    "no id": (b'{"amount": 1, "night": 0}', "validate", "id: expected"),
    "an id that is a list": (event([1]), "validate", r"id: expected .* got \[1\]"),
    "an unknown label": (event(fraud="maybe"), "validate", "fraud: label 'maybe'"),
    "a label of -1": (event(fraud=-1), "validate", "fraud: label -1"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_event_is_one_dead_letter_and_the_others_are_predicted(name: str) -> None:
    value, stage, message = BAD[name]
    agent, clean = score(), score()
    good = [event("a", 1, fraud=True), event("b", 2, fraud=False), event("c", 3, fraud=True)]
    outputs = agent.process(batch([good[0], value, *good[1:]], first=7))
    (why,) = reasons(outputs)
    assert (why.topic, why.partition, why.offset) == ("cards", 1, 8)
    assert why.stage in stage.split("|")
    assert re.search(message, why.message), why.message
    assert [p["id"] for p in predictions(outputs)] == ["a", "b", "c"]
    clean.process(batch(good))
    assert agent.model.fingerprint() == clean.model.fingerprint()


def test_a_dead_letter_keeps_key_value_headers_and_timestamp() -> None:
    (letter,) = score().process(batch([b"{"], first=3)).dead_letters
    assert (letter.topic, letter.key, letter.value) == ("letters", b"key-3", b"{")
    assert letter.timestamp == 1_000
    assert ("trace", b"t") in list(letter.headers or [])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("features", [None, ("amount", "night")])
def test_messagepack_that_holds_what_is_not_finite_is_set_aside(
    bad: float, features: tuple[str, ...] | None
) -> None:
    agent = score(fields=EventFields("id", "fraud", features), codec="msgpack")
    values = [
        msgspec.msgpack.encode({"id": i, "amount": amount, "night": 0, "fraud": True})
        for i, amount in enumerate([1.0, bad, 2.0])
    ]
    outputs = agent.process(batch(values))
    (why,) = reasons(outputs)
    assert (why.offset, why.stage) == (1, "validate")
    assert "amount" in why.message
    assert agent.model.learned == 2


@pytest.mark.parametrize("features", [None, ("amount", "night")])
@pytest.mark.parametrize("learner", ["passive_aggressive", "river.linear_model.Perceptron"])
def test_finite_values_whose_sum_is_not_are_learned(
    features: tuple[str, ...] | None, learner: str
) -> None:
    agent = score(registry.create(learner, {}), EventFields("id", "fraud", features))
    outputs = agent.process(batch([event("a", 1e308, 1e308), event("b", 1e308, 1e308)]))
    assert len(outputs.predictions) == 2
    assert not outputs.dead_letters


def test_without_declared_features_every_number_but_id_and_label_is_one() -> None:
    agent = score(fields=EventFields("id", "fraud"))
    values = [b'{"id": 5, "fraud": true, "a": 1, "b": true, "c": "text", "d": null, "e": [1]}']
    agent.process(batch(values))
    other = score()
    other.model.learn_one({"a": 1, "b": 1.0}, True)
    assert agent.model.fingerprint() == other.model.fingerprint()


def test_a_random_mix_of_good_and_bad_learns_what_the_good_alone_teach() -> None:
    draw = random.Random(4)
    good = [event(i, draw.random(), draw.random(), fraud=draw.random() < 0.5) for i in range(400)]
    bad = [value for value, _, _ in BAD.values() if value is None or len(value) < 1000]
    mixed, clean = score(), score()
    values: list[bytes | None] = []
    for value in good:
        values += [draw.choice(bad)] * (draw.random() < 0.3) + [value]
    outputs = [mixed.process(batch(values[at : at + 37], at)) for at in range(0, len(values), 37)]
    clean.process(batch(good))
    assert sum(len(o.dead_letters) for o in outputs) == len(values) - len(good)
    assert mixed.model.fingerprint() == clean.model.fingerprint()


class Picky:
    """A learner that fails on one event, after it has already changed."""

    task = "binary"

    def __init__(self) -> None:
        self.seen = 0.0

    def predict_one(self, x: dict[str, float]) -> bool:
        if x["amount"] == 13:
            raise ValueError("unlucky")
        return self.seen > 3

    def predict_proba_one(self, x: dict[str, float]) -> dict[bool, float]:
        return {True: 0.5, False: 0.5}

    def learn_one(self, x: dict[str, float], y: bool) -> None:
        self.seen += x["amount"]
        if x["amount"] == 7:
            raise RuntimeError("cannot learn seven")


def picky() -> Any:
    return registry.create("tests.agents.test_agent:Picky", {})


def test_a_learner_that_fails_to_predict_costs_one_dead_letter() -> None:
    agent = score(picky())
    outputs = agent.process(
        batch([event("a", 1, fraud=1), event("b", 13, fraud=1), event("c", 2, fraud=1)])
    )
    (why,) = reasons(outputs)
    assert (why.offset, why.stage, why.message) == (1, "predict", "unlucky")
    assert [p["model"]["version"] for p in predictions(outputs)] == [0, 1]


def test_a_learner_that_fails_to_learn_is_refused_and_the_event_is_set_aside_the_next_time() -> (
    None
):
    values = [event("a", 1, fraud=1), event("b", 7, fraud=1), event("c", 2, fraud=1)]
    with pytest.raises(LearnRefused) as refused:
        score(picky()).process(batch(values, first=10))
    assert refused.value.refusal == ("cards", 1, 11, "")
    again = score(picky())
    outputs = again.process(batch(values, first=10), {refused.value.refusal: refused.value.cause})
    (why,) = reasons(outputs)
    assert (why.offset, why.stage, why.message) == (11, "learn", "cannot learn seven")
    assert [p["id"] for p in predictions(outputs)] == ["a", "c"]
    clean = score(picky())
    clean.process(batch([values[0], values[2]]))
    assert again.model.fingerprint() == clean.model.fingerprint()


@pytest.mark.parametrize("id_", ["x" * 10_001, 2**64, -(2**63) - 1])
def test_an_id_that_a_prediction_could_not_carry_is_set_aside(id_: Any) -> None:
    outputs = score().process(batch([event("a"), event(id_), event(7)]))
    (why,) = reasons(outputs)
    assert (why.offset, why.stage) == (1, "validate")
    assert why.message.startswith("id: expected a text or an integer, got ")
    assert [p["id"] for p in predictions(outputs)] == ["a", 7]


@pytest.mark.parametrize("label", ["x" * 10_001, 2**64])
def test_a_class_that_a_prediction_could_not_carry_is_set_aside(label: Any) -> None:
    agent = score(registry.create("passive_aggressive_multiclass", {}))
    outputs = agent.process(batch([event("a", fraud="ok"), event("b", fraud=label)]))
    (why,) = reasons(outputs)
    assert (why.offset, why.stage) == (1, "validate")
    assert "too large" in why.message
    assert agent.model.learned == 1


def test_a_key_that_a_prediction_could_not_carry_is_set_aside() -> None:
    one = batch([event("a"), event("b")])
    one.records[0].set_key(b"k" * 500_001)  # type: ignore[attr-defined]
    outputs = score().process(one)
    (why,) = reasons(outputs)
    assert (why.offset, why.stage) == (0, "validate")
    assert "the key has 500,001 bytes" in why.message
    assert [p["id"] for p in predictions(outputs)] == ["b"]
