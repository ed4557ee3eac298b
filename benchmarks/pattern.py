"""A fraud that nobody has seen: how soon the live model finds it, and the frozen one beside it.

python -m benchmarks.pattern [--pattern moving] [--cards 800] [--days 24] [--set KEY=VALUE]

The live simulator runs through the stages of `pipelines/fraud.toml` in this process: the same
agents as in a worker, and one partition, so that all figures can be had again. Labels come 7
days late. "Frozen" is the model as it was on the day on which the fraud began; its features are
as fresh as those of the live model. Both have the same budget of alerts.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from agents.decisions.decider import Decider, DecisionSettings
from agents.state import State
from app.demo.world import Truth, day_of
from app.fraud.live import LiveParameters, LiveSimulator
from app.fraud.stream import DELAY, Names, merged
from app.fraud.transactions import DAY, EPOCH, Transactions
from app.fraud.yardstick import FEE
from app.pipeline.load import load_pipeline
from app.replay.base import Event, Source
from app.replay.records import channels, records
from benchmarks.fraud import FILE
from benchmarks.fraud_in_process import InProcess

WINDOW = 50
"""Payments of the fraud: half of so many in a row are to be alerts."""
CARDS_A_LOOK = 30
NAMES = ("live", "frozen", "rule")

Row = dict[str, Any]


@dataclass(frozen=True)
class Injection:
    """One run.

    Attributes:
        pattern: A name of `app.fraud.patterns.BOOK`.
        seed: Of the simulation.
        cards: How many there are; reviewers look at a thirtieth of them in a day.
        first: The day on which the pattern begins; it is learned from late labels until then.
        days: From then on.
        settings: Of the pipeline, above the file.
    """

    pattern: str = "moving"
    seed: int = 0
    cards: int = 800
    first: int = 40
    days: int = 24
    settings: tuple[str, ...] = ()

    @property
    def budget(self) -> int:
        """Cards a day."""
        return max(2, self.cards // CARDS_A_LOOK)

    def simulated(self, truth: Truth) -> Iterator[Transactions]:
        """Day after day."""
        parameters = LiveParameters(
            self.seed, self.cards, 2 * self.cards, days=self.first + self.days
        )
        simulator = LiveSimulator(parameters)
        simulator.inject(self.pattern, self.first)
        for day in simulator:
            truth.add(day)
            yield day


class Told(msgspec.Struct):
    """What the benchmark needs of a prediction."""

    id: str
    decision: str
    rivals: dict[str, float | None]


def alerts(trial: Injection, truth: Truth) -> dict[str, list[bool]]:
    """Whether each payment was an alert, in the order of time, by who alerts."""
    overrides = {
        "decisions.budget": str(trial.budget),
        "metrics.k": str(trial.budget),
        "metrics.frozen_since": day_of(trial.first).isoformat(),
        "metrics.rivals": "true",
        **dict(setting.split("=", 1) for setting in trial.settings),
    }
    pipeline = load_pipeline(FILE, overrides, {})
    made = InProcess(pipeline, keep=True)

    def read() -> Iterator[Event]:
        end = (EPOCH + (trial.first + trial.days) * DAY) * 1000
        names = Names(prefix="live")
        for number, record in enumerate(merged(trial.simulated(truth), names, DELAY)):
            if record.timestamp >= end:
                return
            yield Event(number, record.value, record.kind, record.timestamp)

    source = Source("live", read, key="card")
    made.run(records(source, source.read(), channels(pipeline, source)))
    decode = msgspec.json.Decoder(Told).decode
    predicted = sorted(map(decode, made.predictions), key=lambda one: one.id)
    return {
        "live": [one.decision == "alert" for one in predicted],
        "frozen": _decided(trial, truth, [one.rivals["frozen"] for one in predicted]),
        "rule": _decided(trial, truth, [one.rivals["rule"] for one in predicted]),
    }


def _decided(trial: Injection, truth: Truth, scores: list[float | None]) -> list[bool]:
    """What the same budget makes of other scores."""
    times = [time * 1000 for time in truth.times[: len(scores)]]
    decider = Decider(DecisionSettings(budget=trial.budget), State())
    found: list[bool] = decider.decide(times, truth.cards[: len(scores)], scores).alerts.tolist()
    return found


def half_found(found: list[bool], window: int = WINDOW) -> int | None:
    """After how many payments half of the last `window` of them were alerts; None for never."""
    last: deque[bool] = deque(maxlen=window)
    for number, is_alert in enumerate(found, 1):
        last.append(is_alert)
        if len(last) == window and 2 * sum(last) >= window:
            return number
    return None


def rows(trial: Injection) -> Iterator[Row]:
    """A row for each day of the new fraud, and one for the whole."""
    truth = Truth()
    alerted = alerts(trial, truth)
    new = [number for number in range(len(truth.times)) if truth.is_new(number)]
    said = {"benchmark": "pattern", "pattern": trial.pattern, "seed": trial.seed}
    for day in range(trial.first, trial.first + trial.days):
        those = [number for number in new if truth.day(number) == day]
        shares = {
            f"{name}_share": round(sum(alerted[name][n] for n in those) / len(those), 3)
            for name in NAMES
        }
        yield said | {"day": day - trial.first, "payments": len(those), **shares}
    yield said | {"day": None, "payments": len(new), **_whole(trial, truth, alerted, new)}


def _whole(trial: Injection, truth: Truth, alerted: dict[str, list[bool]], new: list[int]) -> Row:
    """Payments until half is found, those before the first labels among them; and the money."""
    begin = EPOCH + trial.first * DAY
    before = sum(1 for n in new if truth.times[n] < truth.times[new[0]] + DELAY)
    since = [n for n, time in enumerate(truth.times) if time >= begin]
    figures: Row = {"cards": trial.cards, "budget": trial.budget, "before_first_label": before}
    for name in NAMES:
        figures[f"{name}_half_found"] = half_found([alerted[name][n] for n in new])
        figures[f"{name}_saved"] = round(saved(truth, alerted[name], since))
    figures["at_stake"] = round(sum(truth.amounts[n] for n in since if truth.is_fraud(n)))
    return figures


def saved(truth: Truth, alerted: list[bool], payments: list[int], fee: float = FEE) -> float:
    """The frauds of cards from their first alert on a fraud, less a fee for a card and a day.

    Reviewers look at once, and block the card for good if the payment is fraud.
    """
    blocked, looks, money = set[int](), set[tuple[int, int]](), 0.0
    for n in payments:
        card, is_fraud = truth.cards[n], truth.is_fraud(n)
        if alerted[n] and card not in blocked:
            looks.add((card, truth.day(n)))
            if is_fraud:
                blocked.add(card)
        if is_fraud and card in blocked:
            money += truth.amounts[n]
    return money - fee * len(looks)


def run(bootstrap: str, *, quick: bool = False) -> Iterator[Row]:
    """Three seeds; it needs no Kafka."""
    if quick:
        yield from rows(Injection(cards=150, first=20, days=10))
        return
    for seed in range(3):
        yield from rows(Injection(seed=seed))


def main(arguments: list[str]) -> None:
    """One run as the options want it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pattern", default=Injection.pattern)
    for name in ("seed", "cards", "first", "days"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Injection, name))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args(arguments)
    counts = (given.seed, given.cards, given.first, given.days)
    for row in rows(Injection(given.pattern, *counts, tuple(given.set))):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
