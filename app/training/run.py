"""From a history to a pipeline that goes on behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass

from app.kafka.admin import ensure_topics
from app.kafka.partitions import TP
from app.kafka.reading import reading
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from app.training.consistency import Consistency
from app.training.cut import Cut, find_cut, require_no_gap
from app.training.errors import CutRefused, HistoryRefused, NotConsistent
from app.training.history import History
from app.training.learned import Learned, changes
from app.training.learning import Learning, NewSource, Plan
from app.training.overlap import learn_both_ways, records_between
from app.training.placing import place, require_new
from app.training.training import Show
from app.worker.processor import Counters

Tell = Callable[[Iterable[str]], None]
"""Is given the lines of a report."""


@dataclass(frozen=True)
class Trained:
    """What was learned, and where the stream goes on.

    Attributes:
        history: How many events and labels there were, and how many the stream brings instead.
        counters: What was done with them.
        offsets: By partition of events and labels.
    """

    history: History
    counters: Counters
    offsets: Mapping[TP, int]


def train_and_place(
    pipeline: Pipeline,
    kafka: KafkaSettings,
    source: NewSource,
    plan: Plan,
    *,
    by: Callable[[Pipeline, Mapping[str, int], NewSource, Plan, Cut, Show], Learning] = Learning,
    show: Show = lambda done: None,
    tell: Tell = lambda lines: None,
) -> Trained:
    """Learn a history, and put what came of it into the pipeline, to go on at the cut.

    1. see that the history has what the pipeline reads; 2. see that the pipeline is new; 3. find
    the cut; 4. learn; 5. see that history and stream meet; 6. commit. Whatever is refused, nothing
    is written before the last step but missing topics.

    Args:
        pipeline: What to do.
        kafka: Reaches the cluster.
        source: Opens events and labels, in the order of time.
        plan: How.
        by: Who learns.
        show: Called now and then with the number of records that were learned.
        tell: Called with the report on the overlap, and others.

    Raises:
        HistoryRefused, CutRefused, NotNew: Named by row, or by partition and offset.
        NotConsistent: The overlap is not the same both ways.
        LearnerFails, PartFails, SourceError, ReplayError: As for a trial.
        GroupInUse, RestoreRefused, TransactionAborted, TransactionLost: As for an import.
    """
    # 1. see that the history has what the pipeline reads
    History(pipeline, source(), 1, plan.cut, plan.key).require_fields()
    # 2. see that the pipeline is new
    there = ensure_topics(pipeline, kafka)
    partitions = {o.topic: o.partitions for o in there if o.topic and o.partitions}
    require_new(pipeline, kafka)
    # 3. find the cut
    with reading(pipeline, kafka) as reader:
        cut = find_cut(pipeline, reader, plan.cut)
    # 4. learn
    learning = by(pipeline, partitions, source, plan, cut, show)
    if plan.overlap:
        states, counters, history = _both_ways(learning, kafka, tell)
    else:
        states, counters, history = learning.learn()
    # 5. see that history and stream meet
    _require_scored(history, counters)
    tell(learning.report())
    _require_same_cut(pipeline, kafka, cut, history)
    # 6. commit
    place(pipeline, kafka, lambda ids: changes(states, cut.offsets, ids, plan.snapshot_key))
    return Trained(history, counters, cut.offsets)


def _both_ways(
    learning: Learning, kafka: KafkaSettings, tell: Tell
) -> tuple[list[Learned], Counters, History]:
    """As `Learning.learn`; the overlap is learned from the topics, too, and compared."""
    pipeline, plan, cut = learning.pipeline, learning.plan, learning.cut
    if pipeline.events.id is None:
        raise CutRefused("--overlap needs events.id, by which an event is found both ways")
    with reading(pipeline, kafka) as reader:
        begin = find_cut(pipeline, reader, plan.cut - plan.overlap)
        stream = records_between(reader, begin, cut)
    states, counters, _ = learning.learn(begin)
    before = changes(states, begin.offsets, {}, plan.snapshot_key)
    history = learning.history(begin, True)
    both = learn_both_ways(history, learning.partitions, before, stream, plan.snapshot_key)
    with closing(both.history) as made:
        tell(both.consistency.lines())
        _require_consistent(both.consistency, plan.bound)
        counters.join(made.counters)
        return made.learned(), counters, history


def _require_consistent(found: Consistency, bound: float) -> None:
    if found.beyond(bound):
        raise NotConsistent(
            f"features and scores of the history are not those of the stream: the largest distance"
            f" is {found.largest:g}, at most {bound:g} is taken (--bound), and"
            f" {len(found.only_history) + len(found.only_stream):,} events went one way alone;"
            " nothing was handed over"
        )


def _require_scored(history: History, counters: Counters) -> None:
    if counters.predictions:
        return
    letters = counters.dead_letters
    why = f": all {letters:,} became dead letters" if letters else ": it has none"
    raise HistoryRefused(f"{history.source.name}: no event before the cut could be scored{why}")


def _require_same_cut(pipeline: Pipeline, kafka: KafkaSettings, cut: Cut, history: History) -> None:
    with reading(pipeline, kafka) as reader:
        require_no_gap(reader, cut, history)
        now = find_cut(pipeline, reader, cut.time)
    if now != cut:
        raise CutRefused(
            "records from before the cut came to the topics while the history was learned: begin"
            " again, so that none is learned twice"
        )
