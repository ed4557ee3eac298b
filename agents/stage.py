"""The agent of one stage: records come in, the past adds features, and all goes on or is scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from agents.entities.entities import Entities
from agents.entry import Entry, Letter
from agents.errors import InvalidEvent
from agents.events.reader import Failure
from agents.labels.counts import JoinCounts
from agents.ops import Event, Op
from agents.outputs import Outputs, Refused
from agents.relay import Relay
from agents.scoring import Scoring
from learners.model import Model
from topics.dead_letters import dead_letter
from topics.errors import DecodeError
from topics.records import Batch, Record


class Reader(Protocol):
    """From a record to what happens by it."""

    def read(self, record: Record, letters: list[Letter]) -> list[Op]: ...


class StageAgent:
    """The agent of one partition of a stage, where labels come late or features are added.

    Args:
        reader: Reads records.
        entities: Adds features; None where this stage adds none.
        exit: Where all goes on to.
        dead_letters: The topic for what is set aside.
    """

    def __init__(
        self,
        reader: Reader,
        entities: Entities | None,
        exit: Relay | Scoring,
        dead_letters: str,
    ) -> None:
        self._reader = reader
        self._entities = entities
        self._exit = exit
        self._dead_letters = dead_letters

    @property
    def model(self) -> Model | None:
        """What learns here; None in a stage before the last."""
        return self._exit.model if isinstance(self._exit, Scoring) else None

    @property
    def labels(self) -> JoinCounts | None:
        """What happened here to labels; None where none come."""
        return self._reader.counts if isinstance(self._reader, Entry) else None

    def save(self) -> None:
        """Put what has changed into the state."""
        if isinstance(self._reader, Entry):
            self._reader.save()
        if self._entities is not None:
            self._entities.save()
        if isinstance(self._exit, Scoring):
            self._exit.save()

    def process(self, batch: Batch, refused: Refused) -> Outputs:
        """See ``Agent``."""
        letters: list[Letter] = []
        ops, by = self._read(batch.records, letters)
        if isinstance(self._exit, Relay):
            ops, by = _checked(self._exit.check, ops, by, letters)
        if self._entities is not None:
            ops, by = _without(self._entities.apply(ops), ops, by, letters)
        origins = [batch.records[i] for i in by]
        if isinstance(self._exit, Relay):
            places = batch.places or [0] * len(batch.records)
            outputs = Outputs(handed=self._exit.hand(ops, origins, [places[i] for i in by]))
        else:
            outputs = self._exit.score(ops, origins, letters, refused)
        outputs.dead_letters += [dead_letter(self._dead_letters, *letter) for letter in letters]
        return outputs

    def _read(self, records: Sequence[Record], letters: list[Letter]) -> tuple[list[Op], list[int]]:
        """What happens, and for each the number of the record that it happens by."""
        ops: list[Op] = []
        by: list[int] = []
        for i, record in enumerate(records):
            try:
                some = self._reader.read(record, letters)
            except DecodeError as error:
                letters.append((record, "decode", error))
                continue
            except InvalidEvent as error:
                letters.append((record, "validate", error))
                continue
            ops += some
            by += [i] * len(some)
        return ops, by


def _checked(
    check: Callable[[Op], None], ops: list[Op], by: list[int], letters: list[Letter]
) -> tuple[list[Op], list[int]]:
    failures = []
    for i, op in enumerate(ops):
        try:
            check(op)
        except InvalidEvent as error:
            failures.append(Failure(i, "validate", error))
    return _without(failures, ops, by, letters)


def _without(
    failures: Sequence[Failure], ops: list[Op], by: list[int], letters: list[Letter]
) -> tuple[list[Op], list[int]]:
    """What goes on; events among the failures become dead letters."""
    if not failures:
        return ops, by
    letters += [(ops[f.index].record, f.stage, f.error) for f in failures if _is_event(ops, f)]
    failed = {failure.index for failure in failures}
    kept = [i for i in range(len(ops)) if i not in failed]
    return [ops[i] for i in kept], [by[i] for i in kept]


def _is_event(ops: Sequence[Op], failure: Failure) -> bool:
    return isinstance(ops[failure.index], Event)
