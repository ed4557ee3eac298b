"""Labels that come later than their events find them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from agents import state_keys
from agents.errors import UnknownLabel
from agents.events.fields import short
from agents.keys import id_of, key_of
from agents.labels import counts as saved_counts
from agents.labels.arrived import Arrived, Keeper
from agents.labels.batches import ArrivedBatch, Batches
from agents.labels.deadlines import Deadlines
from agents.labels.entries import (
    PREFIX,
    Early,
    Entry,
    Labelled,
    Waiting,
    decode,
    early,
    encode,
    kept_fields,
    record_of,
)
from agents.labels.joined import Joined
from agents.labels.reader import ParsedLabel
from agents.labels.settings import FORGET, JoinSettings
from agents.operations import CORRECT, DROP, LEARN, ParsedEvent, Row
from agents.records import given_label
from agents.rejected import Rejected
from agents.state import State
from agents.tables import table as tables
from topics.records import Record

TIME = state_keys.LABEL_TIME
"""The key of the stream's time in the state."""

SAME_KEY = 'a label must have the key of its event, or labels.key = "id" must be set'
"""What is most often wrong where most labels do not find their events."""

NO_EVENT = (
    "no event has this id (a text is no number, and case counts), its event expired before, or it"
    " was rejected itself"
)
"""What else is wrong with the id of a label that finds none."""

_NEVER = msgspec.msgpack.encode(-1)


class LabelJoin:
    """Events wait in the state until their labels come, and for corrections, until they expire.

    Time is that of the stream: the largest timestamp so far of an event or a label. An entry
    expires as soon as that is past its own timestamp and ``expire``; a label that comes in that
    very millisecond still counts. Entries expire in the order of their deadlines, those of the
    same one in the order of their ids' JSON.

    What is usual is done by compiled code, batch by batch (``kernels``); the rest here, one
    arrival after another.

    Args:
        settings: How labels find their events.
        state: Of the partition. Keys begin with "label"; all that is remembered is there.
        check_label: As for ``LabelReader``; it checks ``on_expire``.

    Attributes:
        counts: What happened to labels.

    Raises:
        ValueError: when ``on_expire`` is not a label that the model takes.
    """

    def __init__(
        self, settings: JoinSettings, state: State, check_label: Callable[[Any], Any]
    ) -> None:
        self._settings = settings
        self._state = state
        drops = settings.on_expire == FORGET
        self._instead = None if drops else check_label(settings.on_expire)
        self._now = self._saved = msgspec.msgpack.decode(state.get(TIME) or _NEVER, type=int)
        self.counts = saved_counts.restored(state.get(saved_counts.KEY))
        self._table = state.table(PREFIX)
        self._deadlines = Deadlines(self._table)
        if (slot := self._deadlines.unreadable) >= 0:
            decode(state.get(self._table.key(slot)) or b"")  # it says why
        self.counts.waiting, self.counts.unmatched = self._deadlines.waiting, self._deadlines.early
        self._batches = Batches(self._table, self._deadlines, settings, self._instead)
        self._keeper = Keeper(settings.keep)
        self._rows: list[Row] = []
        self._rejected: list[Rejected] = []

    def warm_up(self) -> None:
        """Compile; only where there are no entries yet."""
        tables.warm_up()
        self._deadlines.warm_up()
        self._batches.warm_up()

    @property
    def keep(self) -> Keeper:
        """Encodes what is kept of events and labels."""
        return self._keeper

    def __len__(self) -> int:
        """How many entries there are: events, labelled or not, and early labels."""
        return len(self._deadlines)

    def run(self, arrived: Sequence[ParsedEvent | ParsedLabel]) -> Joined:
        """As ``join``, for one after another."""
        return self.join(Arrived.of(arrived, self._settings.keep))

    def join(self, arrived: Arrived) -> Joined:
        """What happens when events and labels come, in order.

        Returns:
            For each, what expired before it; then the event and its label where that is known,
            or the label where its event is there. And early labels that expired without event.
        """
        joined = Joined()
        batch = ArrivedBatch(arrived, self._now)
        while True:
            usual = self._batches.advance(batch)
            self._now = self._batches.take(batch, joined, self.counts)
            if batch.at == len(arrived):
                return joined
            if not usual:
                joined.add(batch.at, *self._step(arrived[batch.at]))
                batch.skip(self._now)

    def _step(self, arrived: ParsedEvent | ParsedLabel) -> tuple[list[Row], list[Rejected]]:
        """As ``run``, for one of them."""
        self._rows, self._rejected = [], []
        self._advance(arrived)
        if isinstance(arrived, ParsedEvent):
            self._event(arrived)
        else:
            self._label(arrived)
        return self._rows, self._rejected

    def save(self) -> None:
        """Put the time of the stream and the counts into the state; all else is there already."""
        if self._now > self._saved:
            self._state.put(TIME, msgspec.msgpack.encode(self._now))
            self._saved = self._now
        self.counts.save(self._state)

    def _event(self, event: ParsedEvent) -> None:
        key = key_of(PREFIX, event.id)
        entry = self._get(key)
        if entry is None:
            self._make_room(event.record)
            self.counts.waiting += 1
            fields = kept_fields(self._settings.keep, event.fields)
            self._add(key, Waiting(event.time, fields))
        self._rows.append(event.row())
        if isinstance(entry, Early):
            self.counts.early += 1
            self.counts.learned += 1
            self.counts.unmatched -= 1
            fields = kept_fields(self._settings.keep, event.fields)
            labelled = Labelled(event.time, fields, entry.label, entry.weight)
            self._add(key, labelled)
            self._say(LEARN, event.id, labelled, record_of(entry))

    def _label(self, label: ParsedLabel) -> None:
        key = key_of(PREFIX, label.id)
        entry = self._get(key)
        if isinstance(entry, Waiting):
            self.counts.waiting -= 1
            self.counts.learned += 1
            self._relabel(LEARN, key, entry, label)
        elif entry is None:
            self._make_room(label.record)
            self.counts.unmatched += 1
            self._add(key, early(label))
        elif _says_nothing_new(entry, label):
            self.counts.doubled += 1
        else:
            self.counts.corrected += 1
            if isinstance(entry, Labelled):
                self._relabel(CORRECT, key, entry, label, entry.label)
            else:
                self._add(key, early(label))

    def _relabel(
        self, kind: int, key: str, entry: Waiting | Labelled, label: ParsedLabel, before: Any = None
    ) -> None:
        """Give an event a label; its deadline stays as it was."""
        labelled = Labelled(entry.time, entry.fields, label.label, label.weight)
        self._state.put(key, encode(labelled))
        self._say(kind, label.id, labelled, label.record, before)

    def _say(self, kind: int, id_: Any, entry: Labelled, by: Record, before: Any = None) -> None:
        label = entry.label
        fields = {**entry.fields, self._settings.label: label}
        self._rows.append(
            (kind, self._now, entry.time, id_, fields, label, before, entry.weight, by)
        )

    def _advance(self, arrived: ParsedEvent | ParsedLabel) -> None:
        """Move the stream's time; what is past its deadline expires."""
        self._now = max(self._now, arrived.time)
        while len(self) and self._deadlines.first()[1] + self._settings.expire < self._now:
            self._expire(arrived.record)

    def _make_room(self, record: Record) -> None:
        """Where there is none for one more entry, those that would expire first do so now."""
        while len(self) >= self._settings.max_waiting:
            self._expire(record)

    def _expire(self, record: Record) -> None:
        """Forget the first entry: an event with a last word about it, a label as a dead letter."""
        slot, _ = self._deadlines.first()
        key = self._table.key(slot)
        entry = decode(self._table.value(slot))
        self._deadlines.drop(slot)
        self._state.delete(key)
        if isinstance(entry, Early):
            self._set_aside(key, entry)
            return
        id_ = id_of(PREFIX, key)
        if isinstance(entry, Waiting):
            self.counts.waiting -= 1
            self.counts.expired += 1
            self.counts.expired_time, self.counts.expired_at = entry.time, self._now
            if self._instead is not None:
                instead = Labelled(entry.time, entry.fields, self._instead, 1)
                self._say(LEARN, id_, instead, given_label(id_, self._instead, self._now))
        fields = dict(entry.fields)
        self._rows.append((DROP, self._now, entry.time, id_, fields, None, None, 0, record))

    def _set_aside(self, key: str, entry: Early) -> None:
        self.counts.unmatched -= 1
        self.counts.unknown += 1
        if self._now > entry.time + self._settings.expire:
            why = f"within {self._settings.expire / 1000:,g} s (labels.expire)"
        else:
            why = f"before {self._settings.max_waiting:,} others waited (labels.max_waiting)"
        event = f"event with the id {short(id_of(PREFIX, key))}"
        what = f"no {event} came {why}: {NO_EVENT}"
        if not self._settings.by_id:
            waits = f"no {event} waits on this partition, and none came {why}"
            what = f"{waits}: {NO_EVENT}, or it has another key: {SAME_KEY}"
        self._rejected.append(Rejected(record_of(entry), "validate", UnknownLabel(what)))

    def _get(self, key: str) -> Entry | None:
        value = self._state.get(key)
        return None if value is None else decode(value)

    def _add(self, key: str, entry: Entry) -> None:
        """Put an entry with a deadline of its own, also in the place of one that is there."""
        self._state.put(key, encode(entry))
        self._deadlines.set(self._table.slot(key), entry.time)


def _says_nothing_new(entry: Labelled | Early, label: ParsedLabel) -> bool:
    """Whether a label is known already; one that was not learned may still be."""
    return bool(entry.label == label.label) and not (entry.weight == 0 < label.weight)
