"""How good the learners are: prequential figures on River's bundled data, beside River's own.

Every event is predicted, then learned; a standard scaler stands before every learner; parameters
are the defaults where a row does not name others. A prediction that does not come counts as wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.family_entries import DATA, Data, Entry, Events, entries
from learners import metrics, registry
from learners.base import UNSUPERVISED, Scored, Task
from learners.model import UNLABELLED

QUICK = 400
DIGITS = 4
FORESTS = "river.forest."

Figures = dict[str, float]


def run(bootstrap: str = "", *, quick: bool = False) -> Iterator[dict[str, Any]]:
    """One row for each learner on each data set; it needs no Kafka.

    Args:
        bootstrap: Not used.
        quick: Only the first events of each data set.
    """
    for data in DATA:
        events = data.events(QUICK if quick else None)
        for entry in entries(data.task):
            if not (data.large and entry.type.startswith(FORESTS)):
                yield row(data, entry, events)


def row(data: Data, entry: Entry, events: Events) -> dict[str, Any]:
    """What one learner reaches on the events."""
    figures = evaluated(data.task, events, prequential(data.task, entry, events))
    published = [figure for known, figure in data.published if known == entry]
    return {
        "benchmark": "family",
        "data": data.name,
        "task": data.task,
        "events": len(events),
        "of": entry.of,
        "learner": entry.type,
        "params": dict(entry.params),
        **{name: round(figure, DIGITS) for name, figure in figures.items()},
        **({"published_accuracy": published[0]} if published else {}),
    }


def prequential(task: Task, entry: Entry, events: Events) -> Scored:
    """Predict each event, then learn it."""
    model = registry.create(entry.type, entry.params, scale=True)
    unsupervised = task in UNSUPERVISED
    labels = [None if unsupervised else model.check_label(y) for _, y in events]
    assert UNLABELLED not in labels
    return model.run([x for x, _ in events], labels)


def evaluated(task: Task, events: Events, scored: Scored) -> Figures:
    """The figures of a task, by name."""
    labels = [y for _, y in events]
    if task == "binary":
        return _binary([bool(y) for y in labels], scored)
    if task == "multiclass":
        return {
            "accuracy": metrics.accuracy(labels, scored.predictions),
            "macro_f1": metrics.macro_f1(labels, scored.predictions),
        }
    if task == "regression":
        said = [0.0 if p is None else p for p in scored.predictions]
        return {
            "mae": metrics.mae(labels, said),
            "rmse": metrics.rmse(labels, said),
            "r2": metrics.r2(labels, said),
        }
    if task == "clustering":
        return _clusters(labels, scored.predictions)
    scores = [0.0 if score is None else score for score in scored.scores]
    return {"roc_auc": metrics.roc_auc([bool(y) for y in labels], scores)}


def _binary(labels: Sequence[bool], scored: Scored) -> Figures:
    figures = {"accuracy": metrics.accuracy(labels, scored.predictions)}
    if all(score is None for score in scored.scores):
        return figures
    scores = [0.5 if score is None else score for score in scored.scores]
    return figures | {
        "roc_auc": metrics.roc_auc(labels, scores),
        "log_loss": metrics.log_loss(labels, scores),
    }


def _clusters(labels: Sequence[Any], clusters: Sequence[Any]) -> Figures:
    """Against the classes, over the events that got a cluster."""
    pairs = [pair for pair in zip(labels, clusters, strict=True) if pair[1] is not None]
    both = Counter(pairs)
    return {
        "purity": _purity(both, len(pairs)),
        "adjusted_rand": adjusted_rand(both),
    }


def _purity(both: Mapping[tuple[Any, Any], int], count: int) -> float:
    """The share of events whose class is the most frequent one of their cluster."""
    largest: Counter[Any] = Counter()
    for (_, cluster), n in both.items():
        largest[cluster] = max(largest[cluster], n)
    return largest.total() / count


def adjusted_rand(both: Mapping[tuple[Any, Any], int]) -> float:
    """How far two groupings agree about pairs of events: 1 the same, 0 as by chance.

    Args:
        both: How many events have this group in the one and that in the other.

    Hubert, Arabie: Comparing Partitions. Journal of Classification 2 (1985).
    """
    one, other = Counter[Any](), Counter[Any]()
    for (a, b), n in both.items():
        one[a] += n
        other[b] += n
    together = sum(map(_pairs, both.values()))
    ones, others = sum(map(_pairs, one.values())), sum(map(_pairs, other.values()))
    chance = ones * others / _pairs(one.total())
    most = (ones + others) / 2
    return (together - chance) / (most - chance) if most != chance else 1.0


def _pairs(n: int) -> float:
    return n * (n - 1) / 2
