"""The baselines of the model: a copy that learns no more, and a hand rule."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.errors import UnknownFunction
from agents.evaluation.baselines import Frozen, RuleBaseline
from agents.state import State
from learners import registry
from learners.base import Features
from learners.engine.rows import Rows
from learners.errors import SignatureMissing
from learners.model import Model
from tests.agents.one_by_one import Event, batch

WINDOW = 1000


def model(type: str = "logistic_regression") -> Model:
    """A model that has learned nothing."""
    return registry.create(type, {})


def teach(learner: Model, count: int = 50, seed: int = 0) -> None:
    """Let it learn: the label is the sign of the sum."""
    rng = random.Random(seed)
    for _ in range(count):
        x = {"a": rng.gauss(0, 1), "b": rng.gauss(0, 1)}
        learner.learn_one(x, x["a"] + x["b"] > 0 if learner.task == "binary" else "xyz"[seed])


def rows(learner: Model) -> Any:
    """Two events, as the learner wants them."""
    dicts: list[Features] = [{"a": 1.0, "b": 2.0}, {"a": -1.0, "b": 0.5}]
    return Rows.from_dicts(dicts) if learner.batched else dicts


@pytest.mark.parametrize("type", ["logistic_regression", "river.linear_model.LogisticRegression"])
def test_the_copy_says_what_the_model_said_when_it_was_frozen(type: str) -> None:
    learner, frozen = model(type), Frozen(State(), model(type), WINDOW)
    teach(learner)
    before = [learner.score(x) for x in ({"a": 1.0, "b": 2.0}, {"a": -1.0, "b": 0.5})]
    frozen.freeze(learner, 1500)
    teach(learner, seed=1)
    assert frozen.run(rows(learner)) == before
    assert frozen.run(rows(learner)) == before
    assert learner.score({"a": 1.0, "b": 2.0}) != before[0]


def test_a_copy_is_due_when_a_later_window_begins() -> None:
    frozen = Frozen(State(), model(), WINDOW)
    assert frozen.next_due < 0
    frozen.freeze(model(), 1500)
    assert frozen.next_due == 2000


@pytest.mark.parametrize("since", [2000, 2001, 2600, 3000])
def test_from_a_moment_on_the_copy_stays(since: int) -> None:
    state, entries = State(), dict[str, bytes]()
    frozen = Frozen(state, model(), WINDOW, since=since)
    windows = (1000, 2000, 3000, 4000, 9000)
    taken = []
    for time in windows:
        if time >= frozen.next_due:
            frozen.freeze(model(), time)
            taken.append(time)
        entries |= {key: value for key, value in state.changes().items() if value is not None}
        state = State(entries)
        frozen = Frozen(state, model(), WINDOW, since=since)
    assert taken == [time for time in windows if time < since + WINDOW]


def test_a_restored_copy_is_the_same_one() -> None:
    state, learner = State(), model()
    frozen = Frozen(state, model(), WINDOW)
    assert frozen.run(rows(learner)) == [None, None]
    teach(learner)
    frozen.freeze(learner, 1500)
    entries = {key: value for key, value in state.changes().items() if value is not None}
    teach(learner, seed=1)
    again = Frozen(State(entries), model(), WINDOW)
    assert again.run(rows(learner)) == frozen.run(rows(learner))
    assert again.next_due == 2000
    assert state.changes() == {}


def test_a_copy_is_signed_where_there_is_a_key() -> None:
    state = State()
    Frozen(state, model(), WINDOW, key=b"secret").freeze(model(), 0)
    entries = {key: value for key, value in state.changes().items() if value is not None}
    assert Frozen(State(entries), model(), WINDOW, key=b"secret").run(rows(model())) == [0.5, 0.5]
    with pytest.raises(SignatureMissing):
        Frozen(State(entries), model(), WINDOW)


def test_of_several_classes_the_copy_says_the_class() -> None:
    learner, frozen = (
        model("passive_aggressive_multiclass"),
        Frozen(State(), model("passive_aggressive_multiclass"), WINDOW),
    )
    for seed in (0, 1, 2):
        teach(learner, count=1, seed=seed)
    frozen.freeze(learner, 0)
    said = [learner.predict_one(x) for x in ({"a": 1.0, "b": 2.0}, {"a": -1.0, "b": 0.5})]
    assert frozen.run(rows(learner)) == said
    assert set(said) <= {"x", "y", "z"}


def rule(name: str, fields: dict[str, Any]) -> float | None:
    """What a rule says of an event."""
    nothing: Any = None
    operations = batch([Event(None, 0, fields, None, nothing)])
    (score,) = RuleBaseline(name).scores(operations, np.arange(1))
    return score


@pytest.fixture
def my_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module with a good rule and bad ones."""
    (tmp_path / "my_rules.py").write_text(
        "def double(fields): return 2 * fields['amount']\n"
        "def endless(fields): return float('inf')\n"
        "def word(fields): return 'high'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_rules", raising=False)


@pytest.mark.usefixtures("my_rules")
def test_a_hand_rule_scores_the_fields_of_an_event() -> None:
    assert rule("my_rules:double", {"amount": 1.5}) == 3.0


@pytest.mark.usefixtures("my_rules")
def test_where_a_rule_fails_it_says_nothing() -> None:
    assert rule("my_rules:double", {}) is None
    assert rule("my_rules:endless", {}) is None
    assert rule("my_rules:word", {}) is None


@pytest.mark.usefixtures("my_rules")
def test_a_rule_that_is_not_there_is_refused() -> None:
    with pytest.raises(UnknownFunction, match="my_rules:nothing"):
        RuleBaseline("my_rules:nothing")
