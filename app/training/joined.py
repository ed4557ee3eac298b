"""The states of several parts of a partition as one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from agents import state_keys
from agents.labels.counts import JoinCounts, restored
from agents.state import State
from app.pipeline.load import Pipeline
from app.pipeline.stages import mixes
from app.training.errors import HistoryRefused
from app.training.learned import Learned
from learners.mixing.family import CannotMix
from learners.mixing.mixture import Mixture

BEGIN_ANEW = (
    state_keys.DECISIONS_NOW,
    state_keys.DECISIONS_PAST,
    state_keys.EVALUATION,
    state_keys.FROZEN,
    state_keys.MIXED,
)
"""What is of a whole partition, and begins at the cut where a partition has several parts."""


def mixing(pipeline: Pipeline, parts: int, partitions: int) -> Pipeline:
    """The pipeline as it is learned in parts: they mix where a partition has several.

    Raises:
        HistoryRefused: Where it cannot be learned so.
    """
    if pipeline.learner.shared == "learner":
        raise HistoryRefused(
            f'{pipeline.name} has learner.shared = "learner", which learns all labels in one'
            " order: take --workers 1"
        )
    if parts == partitions:
        return pipeline
    if whole := [n for n, entity in enumerate(pipeline.entities) if entity.field is None]:
        raise HistoryRefused(
            f"{pipeline.name}: entities[{whole[0]}] has the past of a whole partition, which"
            f" cannot be divided: take --workers {partitions} at most"
        )
    try:
        Mixture(pipeline.learner.spec)
    except CannotMix as error:
        raise HistoryRefused(
            f"{pipeline.name}: parts of a partition cannot mix what they learn ({error}): take"
            f" --workers {partitions} at most"
        ) from error
    learner = pipeline.learner.model_copy(update={"shared": "mix"})
    return pipeline if mixes(pipeline) else pipeline.model_copy(update={"learner": learner})


def joined(found: Sequence[Learned], partitions: int) -> list[Learned]:
    """The states by partition: part q belongs to partition q modulo their number."""
    groups = defaultdict[tuple[str, int], list[Learned]](list)
    for each in found:
        groups[each.stage.state_topic, each.partition % partitions].append(each)
    return [_one(number, parts) for (_, number), parts in groups.items()]


def _one(partition: int, parts: Sequence[Learned]) -> Learned:
    first = parts[0]
    if len(parts) == 1 and first.partition == partition:
        return first
    entries: dict[str, bytes] = {}
    for part in parts:
        for key, value in part.entries.items():
            if key in entries:
                entries[key] = _newest(key, entries[key], value)
            elif not key.startswith(BEGIN_ANEW):
                entries[key] = value
    counts = [part.entries.get(state_keys.LABEL_COUNTS) for part in parts]
    if any(counts):
        entries[state_keys.LABEL_COUNTS] = _counted(counts)
    return Learned(first.stage, partition, entries, first.model)


def _newest(key: str, one: bytes, other: bytes) -> bytes:
    """Of two clocks of one kind the later one."""
    if key == state_keys.LABEL_TIME:
        return max(one, other, key=msgspec.msgpack.decode)
    if key.startswith(state_keys.ENTITY):
        return max(one, other, key=_clock)
    return one


def _clock(header: bytes) -> int:
    clock: int = msgspec.msgpack.decode(header[1:])["clock"]
    return clock


def _counted(counts: Sequence[bytes | None]) -> bytes:
    total, state = JoinCounts(), State()
    for each in counts:
        total.add(restored(each))
    total.save(state)
    return state.get(state_keys.LABEL_COUNTS) or b""
