"""The fraud handbook's protocol as rows: any scores of the test week beside the published ones.

Where the scores come from does not matter: a worker's predictions by the ids of their events, or
a column. `benchmarks.fraud` brings those of a worker on Kafka.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from app.fraud.features import features
from app.fraud.handbook import Size, simulate
from app.fraud.protocol import TRAIN_DAY, split
from app.fraud.rule import hand_rule
from app.fraud.transactions import Floats, Transactions
from app.fraud.yardstick import ceiling, evaluate

PUBLISHED = {
    "logistic regression, batch": (0.871, 0.606, 0.291),
    "decision tree of depth 2, batch": (0.763, 0.496, 0.241),
    "decision tree, batch": (0.788, 0.309, 0.243),
    "random forest, batch": (0.867, 0.658, 0.287),
    "XGBoost, batch": (0.862, 0.639, 0.273),
    "River: hinge SVM, frozen": (0.872, 0.586, 0.280),
    "River: passive-aggressive, C = 0.001, frozen": (0.857, 0.590, 0.287),
    "River: logistic regression, frozen": (0.855, 0.593, 0.287),
    "River: passive-aggressive, C = 0.001, live": (0.864, 0.561, 0.289),
    "River: passive-aggressive, C = 0.001, live for 35 days before": (0.869, 0.587, 0.289),
    "River: passive-aggressive, C = 1, live": (0.836, 0.420, 0.230),
}
"""AUC ROC, average precision, CP@100: the handbook's table, and River on its protocol."""

Row = dict[str, Any]


class Yardstick:
    """A history, and its week of test.

    Args:
        size: Of the history; the published figures are those of the default.
        first: The day on which the week of training begins.
    """

    def __init__(self, size: Size | None = None, first: int = TRAIN_DAY) -> None:
        self.size = size or Size()
        self.first = first
        self.data = _history(self.size)
        self.test = split(self.data, first).test

    @property
    def is_published(self) -> bool:
        """Whether the published figures are those of this week."""
        return self.size == Size() and self.first == TRAIN_DAY

    def row(self, name: str, scores: Floats) -> Row:
        """The verdict over the transactions of the test week, of which `scores` are."""
        found = evaluate(self.test, scores)
        return self._row(
            name,
            (found.auc, found.average_precision, found.card_precision),
            saved=round(found.saved),
            lost=round(found.lost),
        )

    def row_of_predictions(self, name: str, scores: Mapping[str, float]) -> Row:
        """As `row`, with scores by the ids of the events, such as "handbook-0000017".

        Raises:
            ValueError: When a transaction of the test week has no score.
        """
        ids = [f"handbook-{number:07}" for number in self.test.id.tolist()]
        missing = [id_ for id_ in ids if id_ not in scores]
        if missing:
            raise ValueError(f"{len(missing)} of {len(ids)} have no score; the first: {missing[0]}")
        return self.row(name, np.array([scores[id_] for id_ in ids], np.float64))

    def references(self) -> Iterator[Row]:
        """What stands beside: the published models, the ceiling, and the hand rule."""
        if self.is_published:
            for name, figures in PUBLISHED.items():
                yield self._row(name, figures)
        yield self._row("ceiling", (None, None, ceiling(self.test)))
        yield self.row("hand rule of three terms", hand_rule(self._features[self.test.id]))

    @cached_property
    def _features(self) -> Floats:
        return features(self.data)

    def _row(self, name: str, figures: tuple[float | None, ...], **money: int) -> Row:
        names = ("auc", "average_precision", "card_precision")
        rounded = (None if figure is None else round(figure, 3) for figure in figures)
        return {
            "benchmark": "fraud",
            "model": name,
            **dict(zip(names, rounded, strict=True)),
        } | money


@lru_cache(maxsize=1)
def _history(size: Size) -> Transactions:
    return simulate(size)
