"""Learners on the handbook's protocol, in a bare loop: no Kafka, features computed beforehand.

python -m benchmarks.fraud_offline [NAME ...]     (6 minutes; the names are printed)

Each configuration learns in two ways. "frozen": one pass over the week of training, then it is
only asked. "live": it is asked and learns all the time from day 30 on, each label 7 days late.
"earlier" is the mean over the five test weeks 2018-06-20 .. 07-24, whose last day is before the
published week of training: what was chosen (learners, rates, features) was chosen on these.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import numpy as np

from app.fraud.features import DELAY, NAMES, Past, features
from app.fraud.handbook import simulate
from app.fraud.protocol import TRAIN_DAY, WEEK, Split, split
from app.fraud.rule import hand_rule
from app.fraud.transactions import DAY, Floats, Transactions
from app.fraud.yardstick import Verdict, ceiling, evaluate
from benchmarks.fraud_protocol import PUBLISHED
from learners.engine.rows import Rows
from learners.model import UNLABELLED, Model
from learners.registry import create

EARLIER = tuple(TRAIN_DAY - weeks * WEEK for weeks in (3, 4, 5, 6, 7))
LIVE_FROM = 30
RATIO = ("amount_to_card_mean_90d",)
MORE = (*RATIO, "terminal_risk_3d", "terminal_risk_15d")
_BATCH = 50_000


@dataclass(frozen=True)
class Config:
    """A learner and its features; `frozen` overrides parameters where it has one week only."""

    name: str
    features: tuple[str, ...]
    type: str
    params: Mapping[str, Any] = field(default_factory=dict)
    frozen: Mapping[str, Any] = field(default_factory=dict)
    bins: tuple[str, ...] = ()

    def model(self, frozen: bool) -> Model:
        """A new model."""
        steps = [{"type": "quantile_bins", "features": list(self.bins)}] if self.bins else []
        params = {**self.params, **(self.frozen if frozen else {})}
        return create(self.type, params, scale=True, steps=steps)


def _ftrl(name: str, features: tuple[str, ...], bins: tuple[str, ...] = ()) -> Config:
    params = {"optimizer": "ftrl", "learning_rate": 0.1}
    slower = {"learning_rate": 0.03} if bins else {}
    return Config(name, features, "logistic_regression", params, slower, bins)


RISKS = tuple(name for name in NAMES if "risk" in name)
CONFIGS = (
    Config("passive-aggressive, 15", NAMES, "passive_aggressive", {"C": 0.001}),
    Config("logistic sgd, 15", NAMES, "logistic_regression", {"learning_rate": 0.01}),
    Config(
        "logistic adagrad, 15",
        NAMES,
        "logistic_regression",
        {"optimizer": "adagrad", "learning_rate": 0.1},
    ),
    _ftrl("logistic ftrl, 15", NAMES),
    _ftrl("logistic ftrl, 15 + ratio", NAMES + RATIO),
    _ftrl("logistic ftrl, 15 + 3", NAMES + MORE),
    _ftrl("logistic ftrl, 15, bins", NAMES, ("amount", *RISKS)),
    _ftrl("logistic ftrl, 15 + ratio, bins", NAMES + RATIO, ("amount", *RISKS, *RATIO)),
    _ftrl("logistic ftrl, 15 + 3, bins", NAMES + MORE, ("amount", *RISKS, *MORE)),
    Config("arow, 15 + 3, bins", NAMES + MORE, "arow", {"r": 10.0}, bins=("amount", *RISKS, *MORE)),
)


@dataclass(frozen=True)
class Result:
    """What came out of one way of learning: a mean over the earlier weeks, and the published."""

    name: str
    earlier: Verdict
    published: Verdict

    def __str__(self) -> str:
        return f"{self.name:42}{_figures(self.earlier)}   {_figures(self.published)}"


class Bench:
    """The history, its features, and the weeks."""

    def __init__(self) -> None:
        self.data = simulate()
        self.columns = _columns(self.data)
        self.splits = {first: split(self.data, first) for first in (*EARLIER, TRAIN_DAY)}

    def matrix(self, names: tuple[str, ...]) -> Floats:
        """The features of these names, a row for each transaction."""
        return np.stack([self.columns[name] for name in names], axis=1)

    def results(self, chosen: Config) -> Iterator[Result]:
        """Both ways of learning."""
        rows = self.matrix(chosen.features)
        frozen = {first: _frozen(chosen, rows, part) for first, part in self.splits.items()}
        yield self.result(f"{chosen.name}, frozen", frozen)
        scores = _live(chosen.model(False), chosen.features, rows, self.data)
        live = {first: scores[part.test.id] for first, part in self.splits.items()}
        yield self.result(f"{chosen.name}, live", live)

    def result(self, name: str, scores: Mapping[int, Floats]) -> Result:
        """Evaluator the scores of each test week."""
        found = {first: evaluate(self.splits[first].test, scores[first]) for first in self.splits}
        return Result(name, _mean([found[first] for first in EARLIER]), found[TRAIN_DAY])

    def rule(self) -> Result:
        """The hand rule."""
        scores = hand_rule(self.matrix(NAMES))
        weeks = {first: scores[part.test.id] for first, part in self.splits.items()}
        return self.result("hand rule of three terms", weeks)


def _columns(data: Transactions) -> dict[str, Floats]:
    columns = dict(zip(NAMES, features(data).T, strict=True))
    ones, fraud = np.ones(len(data)), data.fraud.astype(np.float64)
    count, spent = Past(data.card, data.time).sums(90, [ones, data.amount])
    columns["amount_to_card_mean_90d"] = data.amount / np.maximum(spent / count, 0.01)
    terminal = Past(data.terminal, data.time)
    for days in (3, 15):
        count, frauds = terminal.sums(days, [ones, fraud], delay=DELAY)
        columns[f"terminal_risk_{days}d"] = frauds / np.maximum(count, 1)
    return columns


def _frozen(config: Config, rows: Floats, part: Split) -> Floats:
    model = config.model(True)
    model.run(Rows(config.features, rows[part.train.id]), part.train.fraud.tolist())
    unknown = [UNLABELLED] * len(part.test)
    return np.array(model.run(Rows(config.features, rows[part.test.id]), unknown).scores)


def _live(model: Model, names: tuple[str, ...], rows: Floats, data: Transactions) -> Floats:
    """Scores by id. Asking and learning are one sequence; a label comes before an event."""
    last = (TRAIN_DAY + 3 * WEEK) * DAY
    part = data.where((data.day >= LIVE_FROM) & (data.time < last))
    time = np.concatenate([part.time, part.time + DELAY])
    asks = np.repeat([True, False], len(part))
    order = np.lexsort((asks, time))
    order = order[time[order] < last]
    ids, asks = np.tile(part.id, 2)[order], asks[order]
    scores = np.full(len(data), np.nan)
    for start in range(0, len(ids), _BATCH):
        some, asked = ids[start : start + _BATCH], asks[start : start + _BATCH]
        truth = data.fraud[some].tolist()
        labels = [UNLABELLED if a else y for a, y in zip(asked.tolist(), truth, strict=True)]
        found = np.array(model.run(Rows(names, rows[some]), labels).scores, np.float64)
        scores[some[asked]] = found[asked]
    return scores


def _mean(verdicts: list[Verdict]) -> Verdict:
    return Verdict(*(fmean(getattr(v, name) for v in verdicts) for name in vars(verdicts[0])))


def _figures(verdict: Verdict) -> str:
    ranking = (verdict.auc, verdict.average_precision, verdict.card_precision)
    return "  ".join(f"{value:.3f}" for value in ranking) + f"{verdict.saved:10,.0f}"


def main(names: list[str]) -> list[Result]:
    """Print the table, and give its rows; of all configurations unless some are named."""
    bench = Bench()
    print(f"{'':42}{'earlier: AUC, AP, CP@100, saved':36}   published week")
    for name, figures in PUBLISHED.items():
        print(f"{name:81}" + "  ".join(f"{value:.3f}" for value in figures))
    print(f"{'ceiling of CP@100':95}{ceiling(bench.splits[TRAIN_DAY].test):.3f}")
    found = [bench.rule()]
    print(found[0])
    for config in CONFIGS:
        if not names or config.name in names:
            for result in bench.results(config):
                print(result, flush=True)
                found.append(result)
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
