"""Two pipelines over the same events: a table of both, with the difference and its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain, pairwise

from app.evaluation.evaluate import Evaluated
from app.evaluation.measures import Labelled, measure
from app.evaluation.passage import Guess
from app.evaluation.verdicts import Verdict
from app.tables import table
from learners.base import Task

BLOCKS = 20
STUDENT = 2.093
"""The 97.5 % point of Student's t with BLOCKS - 1 degrees of freedom."""

Pairs = Sequence[tuple[Verdict, Verdict]]


def compared(one: Evaluated, other: Evaluated) -> str:
    """A line for each metric that both have, over the events that both have predicted.

    The interval is that of 95 %, from a delete-one-block jackknife: the events in their order
    are cut into `BLOCKS` blocks, and the difference is measured without each of them. Blocks
    keep neighbours together, which are alike in a stream (Künsch 1989, "The Jackknife and the
    Bootstrap for General Stationary Observations").
    """
    tasks = one.evaluation.task, other.evaluation.task
    pairs = _pairs(one.verdicts, other.verdicts)
    whole = _measured(tasks, [pairs])
    parts = _blocks(pairs)
    without = [_measured(tasks, [*parts[:i], *parts[i + 1 :]]) for i in range(len(parts))]
    rows = []
    for name in whole:
        a, b = whole[name]
        low, high = _interval(b - a, [values[name][1] - values[name][0] for values in without])
        rows.append(
            [name, *(f"{v:,.4f}" for v in (a, b)), f"{b - a:+.4f}", f"{low:+.4f}", f"{high:+.4f}"]
        )
    header = ["", one.evaluation.pipeline, other.evaluation.pipeline, "difference", "from", "to"]
    return f"{len(pairs):,} labelled events that both have predicted\n\n" + table(
        header, rows, right=header[1:]
    )


def _pairs(one: Sequence[Verdict], other: Sequence[Verdict]) -> Pairs:
    """The labelled verdicts of both on the same events, in the order of time."""
    others = {verdict.place: verdict for verdict in other if verdict.label is not None}
    found = [
        (verdict, others[verdict.place])
        for verdict in one
        if verdict.label is not None and verdict.place in others
    ]
    return sorted(found, key=lambda pair: (pair[0].time, pair[0].place))


def _blocks(pairs: Pairs) -> list[Pairs]:
    """The pairs in their order in so many parts, as equal as can be; none where they are few."""
    if len(pairs) < 5 * BLOCKS:
        return []
    cuts = [len(pairs) * i // BLOCKS for i in range(BLOCKS + 1)]
    return [pairs[a:b] for a, b in pairwise(cuts)]


def _measured(tasks: tuple[Task, Task], parts: Sequence[Pairs]) -> dict[str, tuple[float, float]]:
    """Each metric of both, over these parts."""
    found = []
    for side, task in enumerate(tasks):
        labelled = Labelled()
        for verdict in (pair[side] for pair in chain(*parts)):
            guess = Guess(verdict.prediction, verdict.score, verdict.decision)
            labelled.add(verdict.label, guess)
        found.append(measure(task, labelled))
    return {name: (found[0][name], found[1][name]) for name in found[0] if name in found[1]}


def _interval(difference: float, without: Sequence[float]) -> tuple[float, float]:
    """See `compared`; nan where the blocks are missing or the metric is not defined without one."""
    if not without:
        return math.nan, math.nan
    mean = math.fsum(without) / len(without)
    spread = math.fsum((value - mean) ** 2 for value in without)
    error = math.sqrt((len(without) - 1) / len(without) * spread)
    return difference - STUDENT * error, difference + STUDENT * error
