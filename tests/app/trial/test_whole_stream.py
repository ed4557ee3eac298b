"""What was last known, as features of the whole stream, through the agents of a pipeline."""

from __future__ import annotations

import random
from pathlib import Path

from app.replay.base import Event, Source
from app.trial.run import run
from learners import create
from tests.app.pipeline_files import LABEL, read
from tests.app.trial.test_run import said
from topics.codecs import Codec

TABLE = '[[entities]]\nsource = "labels"\nfeatures = ["last(y)", "lag(y, 2)", "mean(y)"]\n'
WORDS = "[events.label_values]\nUP = true\nDOWN = false\n"


def moving(count: int) -> list[tuple[float, bool | None]]:
    """Labels of which nine in ten are as the one before; some are not told."""
    draw, y = random.Random(4), True
    found = []
    for _ in range(count):
        y = y if draw.random() < 0.9 else not y
        found.append((round(draw.gauss(0.0, 1.0), 3), None if draw.random() < 0.1 else y))
    return found


def by_hand(rows: list[tuple[float, bool | None]]) -> list[float | None]:
    """The scores of a loop that remembers the labels itself."""
    model, known = create("passive_aggressive"), list[bool]()
    scores = list[float | None]()
    for x, y in rows:
        last, before = (float(known[-n]) if len(known) >= n else 0.0 for n in (1, 2))
        mean = sum(known) / len(known) if known else 0.0
        features = {"x": x, "stream_last_y": last, "stream_lag_y_2": before}
        features |= {"stream_mean_y_1d": mean}
        scores.append(model.score(features))
        if y is not None:
            model.learn_one(features, y)
            known.append(y)
    return scores


def test_the_last_labels_are_features_as_a_loop_by_hand_would_make_them(tmp_path: Path) -> None:
    rows = moving(400)
    words = {True: "UP", False: "DOWN", None: None}
    events = [Event(n, {"x": x, "y": words[y]}) for n, (x, y) in enumerate(rows)]
    trial = run(read(tmp_path, LABEL + WORDS + TABLE), Source("moving", lambda: iter(events)))
    found = [Codec("json").decode(value) for _, value in said(trial)[0]]
    assert [each["score"] for each in found] == by_hand(rows)
    right = [
        each["prediction"] == y for each, (_, y) in zip(found, rows, strict=True) if y is not None
    ]
    assert sum(right[100:]) / len(right[100:]) > 0.75  # 0.5 by x alone
