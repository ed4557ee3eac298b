"""What the desk of the demo sees: alerts, verdicts, and who finds the new fraud."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from agents.decisions.decider import Decider, DecisionSettings
from agents.evaluation.figures import RIVALS
from agents.state import State
from app.demo.world import Truth, number_of
from app.page.windows import Windows
from topics.metrics import WindowMetrics
from topics.records import Alert, Prediction

_SHOWN = 6


@dataclass
class Tally:
    """The payments of the new fraud on one day, and those of them that were alerts.

    Attributes:
        day: Of the simulation.
        payments: With a prediction.
        caught: By rival.
    """

    day: int
    payments: int = 0
    caught: dict[str, int] = field(default_factory=lambda: dict.fromkeys(RIVALS, 0))

    def share(self, rival: str) -> float:
        """Of the payments that were alerts."""
        return self.caught[rival] / self.payments if self.payments else 0.0


class Case(NamedTuple):
    """An alert.

    Attributes:
        number: Of the payment.
        time: Of the payment, in seconds since 1970.
        card: Whose.
        amount: Of the payment.
        score: Of the model.
        reasons: The features that moved the score most.
        verdict: Whether it was fraud; None while its label has not come.
    """

    number: int
    time: int
    card: str
    amount: float
    score: float
    reasons: Sequence[str]
    verdict: bool | None


class Seen(NamedTuple):
    """All that the desk has seen by a moment.

    Attributes:
        alerts: The latest ones, the newest first.
        verdicts: The alerts whose labels came last, the newest first.
        counts: Alerts, those with a label, those of them that were frauds.
        tallies: Of the new fraud, day after day.
        windows: See `app.page.windows.together`; in order.
    """

    alerts: Sequence[Case] = ()
    verdicts: Sequence[Case] = ()
    counts: tuple[int, int, int] = (0, 0, 0)
    tallies: Sequence[Tally] = ()
    windows: Sequence[Mapping[str, Any]] = ()


class Desk:
    """Sees predictions, alerts, labels and metrics, each from another thread.

    The rivals' alerts are made as the pipeline makes the model's: the same code, the same budget,
    over the scores that the predictions tell of the rivals.

    Args:
        truth: Of the simulator.
        budget: Cards a day.
        is_labelled: Whether the label of a payment was sent.
    """

    def __init__(self, truth: Truth, budget: int, is_labelled: Callable[[int], bool]) -> None:
        self._truth = truth
        self._is_labelled = is_labelled
        self._lock = threading.Lock()
        self._deciders = {
            rival: Decider(DecisionSettings(budget=budget), State()) for rival in RIVALS[1:]
        }
        self._tallies: dict[int, Tally] = {}
        self._alerts: dict[int, Case] = {}
        self._latest: list[int] = []
        self._told: list[int] = []
        self._frauds = 0
        self._windows = Windows()

    def predict(self, number: int, prediction: Prediction) -> None:
        """A prediction, the first of its event."""
        alerted = {"model": prediction.decision == "alert"}
        time, card = self._truth.times[number], self._truth.cards[number]
        for rival, decider in self._deciders.items():
            score = (prediction.rivals or {}).get(rival)
            alerted[rival] = bool(decider.decide([time * 1000], [card], [score]).alerts[0])
        if self._truth.is_new(number):
            with self._lock:
                day = self._truth.day(number)
                tally = self._tallies.setdefault(day, Tally(day))
                tally.payments += 1
                for rival, is_alert in alerted.items():
                    tally.caught[rival] += is_alert

    def alert(self, alert: Alert) -> None:
        """An alert."""
        number = number_of(str(alert.id))
        with self._lock:
            if number not in self._alerts:
                self._alerts[number] = Case(
                    number,
                    alert.time // 1000,
                    str(alert.entity),
                    float(alert.event["amount"]),
                    alert.score or 0.0,
                    [reason.feature for reason in alert.reasons or () if reason.contribution > 0],
                    None,
                )
                self._latest = [*self._latest[1 - _SHOWN :], number]
                if self._is_labelled(number):
                    self._tell(number)

    def label(self, number: int) -> None:
        """The label of a payment."""
        with self._lock:
            if number in self._alerts:
                self._tell(number)

    def window(self, record: WindowMetrics) -> None:
        """A record of the metrics."""
        with self._lock:
            self._windows.add(record, 1)

    def _tell(self, number: int) -> None:
        case = self._alerts[number]
        if case.verdict is None:
            is_fraud = self._truth.is_fraud(number)
            self._alerts[number] = case._replace(verdict=is_fraud)
            self._told.append(number)
            self._frauds += is_fraud

    def seen(self) -> Seen:
        """All of it, by now."""
        with self._lock:
            return Seen(
                [self._alerts[number] for number in reversed(self._latest)],
                [self._alerts[number] for number in self._told[: -_SHOWN - 1 : -1]],
                (len(self._alerts), len(self._told), self._frauds),
                [
                    Tally(tally.day, tally.payments, dict(tally.caught))
                    for tally in sorted(self._tallies.values(), key=lambda tally: tally.day)
                ],
                self._windows.since(0),
            )
