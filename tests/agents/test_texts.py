"""Texts as features: taken where a step before the learner takes them, and only there."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from agents.events.fields import EventFields
from learners import registry
from learners.model import Model
from tests.agents.support import PlainAgent, batch, predictions, reasons, score

DECLARED = EventFields("id", "fraud", ("amount", "country", "shop"))
ANY = EventFields("id", "fraud")
BY_COUNTRY = [{"type": "one_hot", "features": ["country"], "limit": 3}]
ALL_TEXTS = [{"type": "one_hot", "limit": 3}]
HASHED = [{"type": "feature_hashing", "n_features": 64}, {"type": "scale"}]


def model(steps: list[dict[str, Any]], type: str = "logistic_regression") -> Model:
    return registry.create(type, {}, False, None, steps)


def event(number: int, country: Any, shop: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "fraud": number % 2,
        "amount": 0.5 * number,
        "country": country,
        "shop": shop,
        **more,
    }


def run(agent: PlainAgent, events: list[dict[str, Any]], codec: str = "json") -> Any:
    encode = msgspec.json.encode if codec == "json" else msgspec.msgpack.encode
    return agent.process(batch([encode(e) for e in events]))


STREAM = [event(i, ("de", "fr", "it", "es", "pt")[i % 5], f"shop {i % 9}") for i in range(60)]


@pytest.mark.parametrize("type", ["logistic_regression", "river.naive_bayes.GaussianNB"])
@pytest.mark.parametrize("steps", [ALL_TEXTS, HASHED], ids=["one-hot", "hashed"])
@pytest.mark.parametrize("fields", [DECLARED, ANY], ids=["declared", "any"])
@pytest.mark.parametrize("codec", ["json", "msgpack"])
def test_texts_reach_the_learner_as_in_a_bare_loop(
    type: str, steps: list[dict[str, Any]], fields: EventFields, codec: str
) -> None:
    agent, bare = score(model(steps, type), fields, codec), model(steps, type)
    said = []
    for at in range(0, 60, 17):
        said += predictions(run(agent, STREAM[at : at + 17], codec))
    for got, each in zip(said, STREAM, strict=True):
        x = {name: each[name] for name in ("amount", "country", "shop")}
        assert (got["prediction"], got["score"]) == (bare.predict_one(x), bare.score(x))
        bare.learn_one(x, each["fraud"])
    assert agent.model.fingerprint() == bare.fingerprint()


def test_a_category_is_learned() -> None:
    agent = score(model(ALL_TEXTS), EventFields("id", "fraud", ("country",)))
    events = [{"id": i, "fraud": i % 3 == 0, "country": "de" if i % 3 else "fr"} for i in range(99)]
    last = predictions(run(agent, events))[-3:]
    assert [p["prediction"] for p in last] == [True, False, False]


@pytest.mark.parametrize("steps", [[], BY_COUNTRY], ids=["no step", "a step for another field"])
def test_a_declared_text_that_no_step_takes_is_a_dead_letter(steps: list[dict[str, Any]]) -> None:
    country = "de" if steps else 1
    outputs = run(score(model(steps), DECLARED), [event(0, country, 7), event(1, country, "x")])
    (why,) = reasons(outputs)
    assert (why.offset, why.stage) == (1, "validate")
    assert why.message == "Expected a number, got a text - at `$.shop`"
    assert len(outputs.predictions) == 1


def test_without_declared_features_a_text_that_no_step_takes_is_no_feature() -> None:
    agent, without = score(model(BY_COUNTRY), ANY), score(model(BY_COUNTRY), ANY)
    run(agent, STREAM)
    run(without, [{k: v for k, v in each.items() if k != "shop"} for each in STREAM])
    assert agent.model.fingerprint() == without.model.fingerprint()


@pytest.mark.parametrize(
    ("fields", "values", "message"),
    [
        (DECLARED, {"country": None}, "Expected a number or a text, got nothing - at `$.country`"),
        (DECLARED, {"country": ["de"]}, "Expected a number or a text, got a list - at `$.country`"),
        (DECLARED, {"amount": float("nan")}, "amount: nan is not a finite number"),
        (ANY, {"amount": float("inf")}, "amount: inf is not a finite number"),
        (ANY, {"country": float("nan")}, "country: nan is not a finite number"),
    ],
)
def test_what_is_neither_a_number_nor_a_text_is_still_a_dead_letter(
    fields: EventFields, values: dict[str, Any], message: str
) -> None:
    bad = msgspec.msgpack.encode({**event(1, "de", "x"), **values})
    good = msgspec.msgpack.encode(event(0, "de", "x"))
    agent = score(model(ALL_TEXTS), fields, "msgpack")
    outputs = agent.process(batch([good, bad, good]))
    (why,) = reasons(outputs)
    assert (why.offset, why.stage, why.message) == (1, "validate", message)
    assert [p["model"]["version"] for p in predictions(outputs)] == [0, 1]


def test_texts_of_any_length_leave_the_model_small() -> None:
    agent = score(model([{"type": "one_hot", "limit": 5}]), ANY)
    events = [event(i, f"{i}" * 1000, json.dumps([i] * 400)) for i in range(40)]
    run(agent, events)
    names = agent.model.estimator.state()["learner"]["features"]
    assert len(names) == 1 + 2 * 6
    assert max(map(len, names)) < 100
