"""The contract of a learner as checks that take any learner.

Each check is given a function that makes a fresh model, and raises AssertionError with the
reason. On a learner of one's own:

    @pytest.mark.parametrize("check", checks.ALL)
    def test_my_learner(check):
        check(lambda: create("my_module:MyLearner", {"rate": 0.1}))
"""

from __future__ import annotations

import copy
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from learners.checks import data as check_data
from learners.checks.data import Event
from learners.engine.rows import Rows
from learners.model import UNLABELLED, Model
from learners.registry import from_spec
from learners.saved import snapshots
from learners.saved.fingerprint import fingerprint
from learners.spec import LearnerSpec

Make = Callable[[], Model]


def predicts_before_learning(make: Make) -> None:
    """A fresh model predicts without an error, and its score is no NaN."""
    model = make()
    for x, _ in check_data.steady(model.task, 3):
        model.predict_one(x)
        _require_number(model.score(x), "the score before learning")


def prediction_leaves_the_state_alone(make: Make) -> None:
    """`predict_one` and `score` change nothing, not even with a feature never seen."""
    model = make()
    _learn(model, check_data.steady(model.task, 200))
    before = model.fingerprint()
    for x, _ in check_data.coming_and_going(model.task, 50):
        model.predict_one({**x, "never": 1.0})
        model.score({**x, "never": 1.0})
    assert model.fingerprint() == before, "a prediction changed the model"


def input_stays_untouched(make: Make) -> None:
    """The caller's dicts are as they were."""
    model = make()
    for x, y in check_data.coming_and_going(model.task, 50):
        given = copy.deepcopy(x)
        model.predict_one(given)
        model.score(given)
        model.learn_one(given, y)
        assert list(given.items()) == list(x.items()), f"{x} became {given}"


def snapshot_resumes_identically(make: Make) -> None:
    """A model that went through a snapshot goes on as the one that did not."""
    model = make()
    events = check_data.coming_and_going(model.task, 400)
    _learn(model, events[:250])
    key = b"a key, for learners that need pickle"
    data = snapshots.dump(model, {"t-0": 250}, key)
    restored, _ = snapshots.load(data, make(), key=key, allow=_own(model))
    assert restored.learned == model.learned, "the snapshot counts other events"
    assert restored.fingerprint() == model.fingerprint(), "the snapshot is another model"
    assert _outputs(restored, events[250:]) == _outputs(model, events[250:]), (
        "the restored model predicts otherwise"
    )
    assert restored.fingerprint() == model.fingerprint(), "the restored model learned otherwise"


def same_under_any_hash_seed(*makes: Make) -> None:
    """Other processes with other PYTHONHASHSEEDs reach the same models.

    They make them by `registry.from_spec`. Starting a process is slow: several models may
    share the two that are started.
    """
    models = [make() for make in makes]
    here = [_digest_of_run(model) for model in models]
    what = json.dumps([vars(model.spec) for model in models])
    command = [sys.executable, "-m", "learners.checks.contract", what]
    runs = []
    for seed in ("1", "2"):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        runs.append(
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, encoding="utf-8")
        )
    for there in [run.communicate()[0].split() for run in runs]:
        assert len(there) == len(here), "another process failed"
        others = [m.type for m, a, b in zip(models, here, there, strict=True) if a != b]
        assert not others, f"another process made another model of {others}"


def features_come_and_go(make: Make) -> None:
    """Absent and new features, fields in another order and an empty event are taken."""
    model = make()
    for x, y in check_data.coming_and_going(model.task, 300):
        model.predict_one(x)
        _require_number(model.score(x), f"the score of {x}")
        model.learn_one(x, y)


def extreme_input_gives_no_nan(make: Make) -> None:
    """1e300, denormals, zeros and constants leave a model that still scores with numbers."""
    model = make()
    for x, y in check_data.extreme(model.task):
        _require_number(model.score(x), f"the score of {x}")
        _require_number(model.predict_one(x), f"the prediction of {x}")
        model.learn_one(x, y)
    for x, _ in check_data.steady(model.task, 10):
        _require_number(model.score(x), "the score after extreme events")
        _require_number(model.predict_one(x), "the prediction after extreme events")


def memory_is_bounded(make: Make) -> None:
    """Twice the events, with the same features, are not half as much again in bytes."""
    model = make()
    events = check_data.steady(model.task, 3000)
    _learn(model, events[:1500])
    key = b"a key, for learners that need pickle"
    once = len(snapshots.dump(model, {}, key))
    _learn(model, events[1500:])
    twice = len(snapshots.dump(model, {}, key))
    assert twice <= 1.5 * once, f"{once} bytes after 1500 events, {twice} after 3000"


def batch_equals_single(make: Make) -> None:
    """`run` over batches of any size is `predict_one` and `learn_one` in a loop, bit by bit."""
    single = make()
    events = check_data.coming_and_going(single.task, 300)
    labels = [
        UNLABELLED if i % 7 == 3 else single.check_label(y) for i, (_, y) in enumerate(events)
    ]
    expected = []
    for (x, _), y in zip(events, labels, strict=True):
        expected.append((single.predict_one(x), single.score(x)))
        if y is not UNLABELLED:
            single.learn_one(x, y)
    for size in (1, 2, 97, 300):
        batched = make()
        got = _in_batches(batched, [x for x, _ in events], labels, size)
        for i, (mine, theirs) in enumerate(zip(got, expected, strict=True)):
            assert fingerprint(mine) == fingerprint(theirs), (
                f"event {i} in batches of {size}: {mine} instead of {theirs}"
            )
        assert batched.learned == single.learned, f"batches of {size} count other events"
        assert batched.fingerprint() == single.fingerprint(), f"batches of {size}: another model"


ALL: tuple[Callable[[Make], None], ...] = (
    predicts_before_learning,
    prediction_leaves_the_state_alone,
    input_stays_untouched,
    snapshot_resumes_identically,
    same_under_any_hash_seed,
    features_come_and_go,
    extreme_input_gives_no_nan,
    memory_is_bounded,
    batch_equals_single,
)


def _require_number(value: Any, what: str) -> None:
    assert not isinstance(value, float) or math.isfinite(value), f"{what} is {value}"


def _own(model: Model) -> list[str]:
    """The module of a user's own learner."""
    return [model.type.partition(":")[0]] if ":" in model.type else []


def _learn(model: Model, events: Sequence[Event]) -> None:
    for x, y in events:
        model.learn_one(x, y)


def _outputs(model: Model, events: Sequence[Event]) -> list[Any]:
    outputs = []
    for x, y in events:
        outputs.append((model.predict_one(x), model.score(x)))
        model.learn_one(x, y)
    return outputs


def _in_batches(
    model: Model, dicts: list[dict[str, float]], labels: list[Any], size: int
) -> list[tuple[Any, float | None]]:
    got: list[tuple[Any, float | None]] = []
    for start in range(0, len(dicts), size):
        part = dicts[start : start + size]
        rows = Rows.from_dicts(part) if model.batched else part
        scored = model.run(rows, labels[start : start + size])
        assert not scored.failures, f"predictions failed: {scored.failures}"
        got += zip(scored.predictions, scored.scores, strict=True)
    return got


def _digest_of_run(model: Model) -> str:
    outputs = _outputs(model, check_data.coming_and_going(model.task, 200))
    return fingerprint([outputs, model.fingerprint()])


if __name__ == "__main__":
    for what in json.loads(sys.argv[1]):
        print(_digest_of_run(from_spec(LearnerSpec(**what))))
