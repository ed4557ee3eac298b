"""Events are scored, wait with what was scored, and are learned when their label comes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from confluent_kafka import Message

from agents.errors import LearnRefused
from agents.events.features import FeatureReader
from agents.events.fields import EventFields
from agents.events.functions import Functions
from agents.events.reader import EventReader
from agents.labels.waiting import RowsMismatch, WaitingRows
from agents.operations import Kind
from agents.outputs import Outputs, Refused
from agents.sinks.publish import Publisher
from agents.sinks.score import Score
from agents.state import State
from learners import registry
from learners.model import Model
from learners.saved import snapshots
from tests.agents.one_by_one import Event, Label, Op, batch
from topics.codecs import Codec
from topics.records import Record

FEATURES = ("amount", "night")


def record(offset: int = 0, topic: str = "cards") -> Any:
    return Message(topic=topic, partition=0, offset=offset, key=b"k", value=b"{}")


def event(id_: Any, amount: Any, night: Any = 0.0, **more: Any) -> Event:
    fields = {"id": id_, "amount": amount, "night": night, **more}
    return Event(id_, 1_000, fields, None, record())


def label(id_: Any, value: Any, kind: Kind = "learn", weight: int = 1) -> Label:
    return Label(id_, 2_000, 1_000, kind, value, None, weight, {}, record(3, "labels"))


def new_model(name: str = "logistic_regression", **params: Any) -> Model:
    return registry.create(name, params, scale=True)


class Desk:
    """A scoring exit with a state of its own."""

    def __init__(
        self,
        model: Model | None = None,
        state: State | None = None,
        functions: Sequence[str] = (),
        features: tuple[str, ...] | None = FEATURES,
        reasons: int = 0,
    ) -> None:
        self.model = model or new_model()
        self.state = state or State()
        fields = EventFields("id", None, features)
        reader = FeatureReader(EventReader(Codec("json"), fields, self.model), fields, self.model)
        rows = WaitingRows(self.state, reader.names)
        publisher = Publisher("p", Codec("json"))
        self.letters: list[Any] = []
        self.scoring = Score(
            self.model, reader, Functions(functions), rows, publisher, None, reasons=reasons
        )

    def score(
        self,
        *ops: Op,
        origins: Sequence[Record] | None = None,
        refused: Refused | None = None,
    ) -> Outputs:
        outputs, rejected = self.scoring.process(batch(ops, origins), refused or {})
        self.letters += rejected
        self.scoring.save()
        return outputs


def scores(outputs: Outputs) -> list[float]:
    return [json.loads(value)["score"] for _, value in outputs.predictions]


def features(*pairs: tuple[float, float]) -> list[dict[str, float]]:
    return [dict(zip(FEATURES, pair, strict=True)) for pair in pairs]


def test_a_label_teaches_the_features_that_were_scored() -> None:
    desk, bare = Desk(), new_model()
    first = desk.score(event("a", 10.0), event("b", 90.0, 1.0))
    assert desk.model.learned == 0
    second = desk.score(label("b", True), event("c", 50.0), label("a", False), event("d", 5.0))
    a, b, c, d = features((10.0, 0.0), (90.0, 1.0), (50.0, 0.0), (5.0, 0.0))
    expected = [bare.score(a), bare.score(b)]
    bare.learn_one(b, True)
    expected.append(bare.score(c))
    bare.learn_one(a, False)
    expected.append(bare.score(d))
    assert scores(first) + scores(second) == expected
    assert desk.model.fingerprint() == bare.fingerprint()
    assert (first.learned, second.learned) == (0, 2)


def test_predictions_say_how_much_the_model_had_learned_before_them() -> None:
    desk = Desk()
    said = desk.score(event("a", 1.0), label("a", True, weight=2), event("b", 2.0))
    versions = [json.loads(value)["model"]["version"] for _, value in said.predictions]
    assert versions == [0, 1]


@pytest.mark.parametrize("weight", [0, 1, 3])
def test_a_weight_is_how_often_an_event_is_learned(weight: int) -> None:
    desk, bare = Desk(), new_model()
    desk.score(event("a", 3.0, 1.0), label("a", True, weight=weight))
    if weight:
        bare.run([{"amount": 3.0, "night": 1.0}], [True], times=[weight])
    assert desk.model.fingerprint() == bare.fingerprint()


def test_a_correction_is_learned_after_the_label_that_was_wrong() -> None:
    desk, bare = Desk(), new_model()
    desk.score(event("a", 3.0), label("a", True), label("a", False, "correct"))
    for value in (True, False):
        bare.learn_one({"amount": 3.0, "night": 0.0}, value)
    assert desk.model.fingerprint() == bare.fingerprint()


def test_what_was_dropped_is_forgotten_and_never_learned() -> None:
    desk = Desk()
    desk.score(event("a", 3.0), label("a", None, "drop", 0))
    assert [key for key in desk.state if key.startswith("row/")] == []
    desk.score(label("a", True))
    assert desk.model.learned == 0


def test_of_two_events_with_one_id_the_first_is_learned() -> None:
    desk, bare = Desk(), new_model()
    said = desk.score(event("a", 3.0), event("a", 99.0), label("a", True))
    bare.learn_one({"amount": 3.0, "night": 0.0}, True)
    assert len(said.predictions) == 2
    assert desk.model.fingerprint() == bare.fingerprint()


def test_an_event_that_cannot_be_scored_is_set_aside_and_its_label_does_no_harm() -> None:
    desk = Desk()
    said = desk.score(event("a", "much"), event("b", 1.0), label("a", True))
    assert [stage for _, stage, _ in desk.letters] == ["validate"]
    assert "amount" in str(desk.letters[0][2])
    assert len(said.predictions) == 1
    assert desk.model.learned == 0


def at_night(fields: Mapping[str, Any]) -> Mapping[str, float]:
    """A feature function."""
    if fields["amount"] < 0:
        raise ArithmeticError("negative")
    return {"night": 1.0}


def test_a_feature_function_that_fails_sets_its_event_aside() -> None:
    name = "tests.agents.sinks.test_score:at_night"
    desk, bare = Desk(functions=[name]), new_model()
    said = desk.score(event("a", -1.0), event("b", 2.0), label("b", True))
    bare.learn_one({"amount": 2.0, "night": 1.0}, True)
    assert [(stage, str(error)) for _, stage, error in desk.letters] == [
        ("features", f"{name}: ArithmeticError: negative")
    ]
    assert len(said.predictions) == 1
    assert desk.model.fingerprint() == bare.fingerprint()


def test_reasons_add_up_to_the_log_odds_of_the_score() -> None:
    desk = Desk(reasons=2)
    desk.score(event("a", 9.0, 1.0), label("a", True), event("b", 1.0), label("b", False))
    _, value = desk.score(event("c", 7.0, 1.0)).predictions[0]
    reasons = {r["feature"]: r["contribution"] for r in json.loads(value)["reasons"]}
    assert set(reasons) == set(FEATURES)
    assert abs(reasons["amount"]) + abs(reasons["night"]) > 0


class Stubborn:
    """Learns all but one amount."""

    task = "binary"

    def predict_one(self, x: Mapping[str, float]) -> bool:
        return False

    def predict_proba_one(self, x: Mapping[str, float]) -> dict[bool, float]:
        return {True: 0.5, False: 0.5}

    def learn_one(self, x: Mapping[str, float], y: Any) -> None:
        if x["amount"] == 13.0:
            raise ArithmeticError("unlucky")


def test_a_label_that_cannot_be_learned_is_refused_with_its_own_place() -> None:
    model = registry.create("tests.agents.sinks.test_score:Stubborn", {})
    desk = Desk(model)
    with pytest.raises(LearnRefused) as refused:
        desk.score(event("a", 13.0), event("b", 1.0), label("b", True), label("a", True))
    assert refused.value.refusal == ("labels", 0, 3, 'learn "a"')


def test_what_was_refused_is_set_aside_and_nothing_else_of_its_record() -> None:
    trigger = record(5, "cards")
    ops: list[Op] = [
        event("a", 13.0),
        event("b", 1.0),
        label("a", True),
        label("b", True),
        event("c", 2.0),
    ]
    origins = [ops[0].record, ops[1].record, trigger, trigger, trigger]
    model = registry.create("tests.agents.sinks.test_score:Stubborn", {})
    with pytest.raises(LearnRefused) as refused:
        Desk(model).score(*ops, origins=origins)
    desk = Desk(registry.create("tests.agents.sinks.test_score:Stubborn", {}))
    known = {refused.value.refusal: refused.value.cause}
    outputs = desk.score(*ops, origins=origins, refused=known)
    assert (len(outputs.predictions), outputs.learned) == (3, 1)
    ((letter, stage, error),) = desk.letters
    assert (letter, stage, str(error)) == (ops[2].record, "learn", "unlucky")
    desk.score(label("a", None, "drop"))
    assert sorted(desk.state) == ["row", 'row/"b"', 'row/"c"']


def test_a_number_of_more_than_64_bits_waits_for_its_label_as_it_is() -> None:
    state = State()
    WaitingRows(state, None).put("a", {"amount": 10**30, "night": 0.1})
    assert WaitingRows(state, None).get("a") == {"amount": 10**30, "night": 0.1}
    desk = Desk(registry.create("tests.agents.sinks.test_score:Stubborn", {}), features=None)
    assert desk.score(event("a", 10**30), label("a", True)).learned == 1


def stream(n: int = 60) -> list[Op]:
    """Events, and the label of each some places later."""
    ops: list[Op] = []
    for i in range(n):
        ops.append(event(i, float(i * 37 % 101), float(i % 3 == 0), spare=float(i)))
        if i >= 7:
            ops.append(label(i - 7, (i * 31) % 5 == 0, weight=1 + i % 2))
        if i >= 20:
            ops.append(label(i - 20, None, "drop", 0))
    return ops


@pytest.mark.parametrize("declared", [FEATURES, None], ids=["declared", "any"])
@pytest.mark.parametrize("learner", ["logistic_regression", "river.naive_bayes.GaussianNB"])
def test_neither_cuts_nor_restores_change_anything(
    learner: str, declared: tuple[str, ...] | None
) -> None:
    def new() -> Model:
        return registry.create(learner, {})

    whole = Desk(new(), features=declared)
    expected = scores(whole.score(*stream()))
    assert len(set(expected)) > 10
    for size in (1, 7):
        said: list[float] = []
        desk, ops = Desk(new(), features=declared), stream()
        for at in range(0, len(ops), size):
            said += scores(desk.score(*ops[at : at + size]))
            model, _ = snapshots.load(snapshots.dump(desk.model, {}), desk.model)
            entries = {key: value for key in desk.state if (value := desk.state.get(key))}
            desk = Desk(model, State(entries), features=declared)
        assert said == expected
        assert desk.model.fingerprint() == whole.model.fingerprint()
        assert {k: desk.state.get(k) for k in desk.state} == {
            k: whole.state.get(k) for k in whole.state
        }


def test_rows_that_wait_are_not_taken_for_other_features() -> None:
    desk = Desk()
    desk.score(event("a", 3.0, 1.0))
    turned = tuple(reversed(FEATURES))
    with pytest.raises(RowsMismatch, match=r"scored by amount, night, .* are night, amount"):
        Desk(state=desk.state, features=turned)
    with pytest.raises(RowsMismatch, match="no fixed features"):
        Desk(state=desk.state, features=None)
    desk.score(label("a", None, "drop", 0))
    assert Desk(state=desk.state, features=turned).score(event("b", 1.0)).predictions


def test_a_row_waits_in_the_order_of_its_own_event_whatever_came_before_it() -> None:
    waiting = []
    for cut in (1, 2):
        desk = Desk(features=None)
        ops: list[Op] = [event("a", 1.0, zeal=2.0), event("b", 1.0, air=3.0, zeal=2.0)]
        for first in range(0, 2, cut):
            desk.score(*ops[first : first + cut])
        waiting.append({key: desk.state.get(key) for key in desk.state})
    assert waiting[0] == waiting[1]
