"""Labels that come later than their events find them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import msgspec

from agents.errors import UnknownLabel
from agents.events.fields import short
from agents.keys import id_of, key_of
from agents.labels import counts as saved_counts
from agents.labels.entries import (
    PREFIX,
    Early,
    Entry,
    KeptRecord,
    Labelled,
    NoRecord,
    Waiting,
    decode,
    early,
    encode,
    kept_fields,
)
from agents.labels.expiries import Expiries
from agents.labels.reader import Heard
from agents.ops import Event, Kind, Label, Op
from agents.state import State
from topics.dead_letters import Stage
from topics.records import Record

TIME = "label-time"
"""The key of the stream's time in the state."""

DROP = "drop"

_NEVER = msgspec.msgpack.encode(-1)


class LabelFailure(NamedTuple):
    """A label that is set aside: its record, at which stage, and why."""

    record: Record
    stage: Stage
    error: Exception


@dataclass(frozen=True, slots=True)
class JoinSettings:
    """How labels find their events.

    Attributes:
        expire: Milliseconds that an event or a label waits for the other.
        on_expire: "drop", or the label to be learned of an event that got none.
        max_waiting: The most entries: events, labelled or not, and early labels together.
        label: The name under which the label itself stands in ``Label.fields``.
        keep: The fields of an event that ``Label.fields`` shall have.
    """

    expire: int
    on_expire: Any = DROP
    max_waiting: int = 1_000_000
    label: str = "label"
    keep: tuple[str, ...] = ()


class LabelJoin:
    """Events wait in the state until their labels come, and for corrections, until they expire.

    Time is that of the stream: the largest timestamp so far of an event or a label. An entry
    expires as soon as that is past its own timestamp and ``expire``; a label that comes in that
    very millisecond still counts. Entries expire in the order of their deadlines, those of the
    same one in the order of their ids' JSON.

    Args:
        settings: How labels find their events.
        state: Of the partition. Keys begin with "label"; all that is remembered is there.
        check_label: As for ``LabelReader``; it checks ``on_expire``.

    Attributes:
        counts: What happened to labels.
        failures: Labels that nothing can be done with; whoever takes them empties the list.

    Raises:
        ValueError: when ``on_expire`` is not a label that the model takes.
    """

    def __init__(
        self, settings: JoinSettings, state: State, check_label: Callable[[Any], Any]
    ) -> None:
        self._settings = settings
        self._state = state
        drops = settings.on_expire == DROP
        self._instead = None if drops else check_label(settings.on_expire)
        self._now = msgspec.msgpack.decode(state.get(TIME) or _NEVER, type=int)
        self.counts = saved_counts.restored(state.get(saved_counts.KEY))
        self.failures: list[LabelFailure] = []
        self._expiries = state.view(PREFIX, partial(Expiries, settings.expire))
        self._deadlines = self._expiries.deadlines
        self.counts.waiting, self.counts.unmatched = self._expiries.waiting, self._expiries.early

    def __len__(self) -> int:
        """How many entries there are: events, labelled or not, and early labels."""
        return len(self._deadlines)

    def save(self) -> None:
        """Put the counts into the state; all else is there already."""
        self.counts.save(self._state)
        self._expiries.waiting, self._expiries.early = self.counts.waiting, self.counts.unmatched

    def event(self, event: Event) -> list[Op]:
        """What expired before the event, the event, and its label where that is known."""
        ops = self._advance(event.time, event.record)
        key = key_of(PREFIX, event.id)
        entry = self._get(key)
        fields = kept_fields(self._settings.keep, event.fields)
        if isinstance(entry, Early):
            self.counts.early += 1
            self.counts.learned += 1
            self.counts.unmatched -= 1
            labelled = Labelled(event.time, fields, entry.label, entry.weight)
            self._add(key, labelled, instead=True)
            return [*ops, event, self._label("learn", key, labelled, KeptRecord(entry))]
        if entry is None:
            ops += self._make_room(event.record)
            self.counts.waiting += 1
            self._add(key, Waiting(event.time, fields))
        return [*ops, event]

    def label(self, heard: Heard) -> list[Op]:
        """What expired before the label, and the label where its event is there."""
        ops = self._advance(heard.time, heard.record)
        key = key_of(PREFIX, heard.id)
        entry = self._get(key)
        if isinstance(entry, Waiting):
            self.counts.waiting -= 1
            self.counts.learned += 1
            return [*ops, self._relabel("learn", key, entry, heard)]
        if entry is None:
            ops += self._make_room(heard.record)
            self.counts.unmatched += 1
            self._add(key, early(heard))
        elif _says_nothing_new(entry, heard):
            self.counts.doubled += 1
        else:
            self.counts.corrected += 1
            if isinstance(entry, Labelled):
                return [*ops, self._relabel("correct", key, entry, heard, entry.label)]
            self._add(key, early(heard), instead=True)
        return ops

    def _relabel(
        self, kind: Kind, key: str, entry: Waiting | Labelled, heard: Heard, before: Any = None
    ) -> Label:
        """Give an event a label; its deadline stays as it was."""
        labelled = Labelled(entry.time, entry.fields, heard.label, heard.weight)
        self._state.put(key, encode(labelled))
        return self._label(kind, key, labelled, heard.record, before)

    def _label(
        self, kind: Kind, key: str, entry: Labelled, record: Record, before: Any = None
    ) -> Label:
        fields = {**entry.fields, self._settings.label: entry.label}
        return Label(
            id=id_of(PREFIX, key),
            time=self._now,
            event_time=entry.time,
            kind=kind,
            label=entry.label,
            before=before,
            weight=entry.weight,
            fields=fields,
            record=record,
        )

    def _advance(self, time: int, record: Record) -> list[Op]:
        """Move the stream's time; what is past its deadline expires."""
        if time > self._now:
            self._now = time
            self._state.put(TIME, msgspec.msgpack.encode(time))
        ops: list[Op] = []
        while (due := self._deadlines.pop(before=self._now)) is not None:
            ops += self._expire(due, record)
        return ops

    def _make_room(self, record: Record) -> list[Op]:
        """Where there is none for one more entry, those that would expire first do so now."""
        ops: list[Op] = []
        while len(self) >= self._settings.max_waiting:
            first = self._deadlines.pop()
            assert first is not None  # every entry has a deadline
            ops += self._expire(first, record)
        return ops

    def _expire(self, key: str, record: Record) -> list[Op]:
        """Forget an entry: an event with a last word about it, a label as a failure."""
        entry = decode(self._state.get(key) or b"")
        self._state.delete(key)
        if isinstance(entry, Early):
            self._set_aside(key, entry)
            return []
        ops: list[Op] = []
        if isinstance(entry, Waiting):
            self.counts.waiting -= 1
            self.counts.expired += 1
            self.counts.expired_time, self.counts.expired_at = entry.time, self._now
            if self._instead is not None:
                instead = Labelled(entry.time, entry.fields, self._instead, 1)
                given = NoRecord(id_of(PREFIX, key), self._instead, self._now)
                ops.append(self._label("learn", key, instead, given))
        ops.append(self._drop(key, entry, record))
        return ops

    def _drop(self, key: str, entry: Waiting | Labelled, record: Record) -> Label:
        fields = dict(entry.fields)
        return Label(
            id_of(PREFIX, key), self._now, entry.time, "drop", None, None, 0, fields, record
        )

    def _set_aside(self, key: str, entry: Early) -> None:
        self.counts.unmatched -= 1
        self.counts.unknown += 1
        if self._now > self._expiries.deadline(entry):
            why = f"within {self._settings.expire / 1000:,g} s (labels.expire)"
        else:
            why = f"before {self._settings.max_waiting:,} others waited (labels.max_waiting)"
        event = f"event with the id {short(id_of(PREFIX, key))}"
        error = UnknownLabel(
            f"no {event} waits on this partition, and none came {why}; a label must have the key"
            " of its event"
        )
        self.failures.append(LabelFailure(KeptRecord(entry), "validate", error))

    def _get(self, key: str) -> Entry | None:
        value = self._state.get(key)
        return None if value is None else decode(value)

    def _add(self, key: str, entry: Entry, *, instead: bool = False) -> None:
        """Put an entry with a deadline of its own, `instead` of one that is there."""
        self._state.put(key, encode(entry))
        self._deadlines.push(key, self._expiries.deadline(entry), instead=instead)


def _says_nothing_new(entry: Labelled | Early, heard: Heard) -> bool:
    """Whether a label is known already; one that was heard and not learned may still be."""
    return bool(entry.label == heard.label) and not (entry.weight == 0 < heard.weight)
