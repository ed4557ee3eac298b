"""An event that the learner fails on is set aside alone, although its block has many more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from app.kafka.partitions import TP
from app.pipeline.load import load_pipeline
from tests.app.worker.playing import Playing, Told
from tests.learners.broken import Good
from topics.dead_letters import reason
from topics.records import Batch

FILE = """
name = "p"
[events]
topic = "payments"
key = "card"
id = "id"
features = ["a", "shop_count_1d"]
label = "y"
[[entities]]
field = "shop"
features = ["count"]
windows = ["1d"]
[predictions]
topic = "said"
[learner]
type = "tests.app.worker.test_block_refusals:Fails"
"""
BAD = (13, 57)


class Fails(Good):
    """Fails while it learns some events."""

    def learn_one(self, x: dict[str, float], y: bool) -> None:
        if x["a"] in BAD:
            raise ValueError("unlucky")
        super().learn_one(x, y)


def stream() -> Iterator[Told]:
    for n in range(90):
        event = {"id": n, "card": f"c{n % 5}", "shop": n % 3, "a": float(n), "y": n % 2 == 0}
        yield Told("payments", f"c{n % 5}", event, 1_000 * n)


@pytest.mark.parametrize("at_once", [True, False])
def test_each_of_them_becomes_one_dead_letter(tmp_path: Path, *, at_once: bool) -> None:
    (file := tmp_path / "p.toml").write_text(FILE)
    made = Playing(load_pipeline(file), 2, at_once=at_once)
    tries = 0
    for batches in made.rounds(list(stream()), 30):
        while not all(_processed(made, batch) for batch in batches):
            tries += 1
            made.restart()
        made.commit()
        while not all(_read(made, n) for n in range(2)):
            tries += 1
            made.restart()
        made.commit()
    letters = [msgspec.json.decode(letter.value or b"")["id"] for letter in made.letters]
    assert sorted(letters) == list(BAD)
    assert {reason(letter.headers or []).topic for letter in made.letters} == {"payments"}
    assert sorted(one["id"] for one in made.predictions) == [n for n in range(90) if n not in BAD]
    assert tries == len(BAD)


def _processed(made: Playing, batch: Batch) -> bool:
    task = made.opened.tasks[TP(batch.topic, batch.partition)]
    return made.opened.process(replace(batch, number=task.batches))


def _read(made: Playing, number: int) -> bool:
    """What lies between the stages, by one partition of the later stage."""
    at = TP("p.by-shop.v1", number)
    rest = made.logs[at][made.opened.tasks[at].offsets.get(at.topic, 0) :]
    return not rest or _processed(made, Batch(*at, rest))
