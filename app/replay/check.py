"""Looks through a source before anything of it is sent."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from app.pipeline.load import Pipeline
from app.replay.base import Event, Source
from app.replay.categories import Categories
from app.replay.kinds import Kinds
from app.replay.matching import Matching
from app.replay.missing import MissingIds
from app.replay.order import Order
from app.replay.records import Encoded, ReplayError, channels, limited, records, refuse_lost
from app.replay.refused_labels import RefusedLabels
from app.replay.replay import AT_ONCE, ReplayOptions, due_times
from app.replay.texts import Texts
from topics.times import TimeLimits


@dataclass
class Checked:
    """What was found in a source that can be sent.

    Attributes:
        kinds: Of the fields of its events.
        labels: Those that the learner does not take.
        categories: Texts that are taken for categories.
        matching: Ids that come twice, and labels that do not fit their events.
        missing: Fields of ids that no row has.
        ends: The first and the last record of each topic.
        order: Rows that are not in the order of time.
    """

    kinds: Kinds
    labels: RefusedLabels
    categories: Categories
    matching: Matching
    missing: MissingIds
    ends: list[Encoded] = field(default_factory=list)
    order: Order = field(default_factory=Order)

    @classmethod
    def of(cls, pipeline: Pipeline, source: Source, key: str | None = None) -> Checked:
        """Nothing was looked at yet; `key` as for `ReplayOptions`."""
        to = channels(pipeline, source, key)
        return cls(
            Kinds(Texts(pipeline, to["event"].key, source.time)),
            RefusedLabels(pipeline),
            Categories(pipeline),
            Matching(pipeline, to),
            MissingIds(pipeline),
        )

    def add(self, where: str, event: Event) -> None:
        """Look at one row."""
        if event.kind == "event":
            self.kinds.add(where, event.fields)
            self.categories.add(event.fields)
        self.labels.add(where, event)
        self.order.add(where, event)
        self.matching.add(where, event)
        self.missing.add(where, event)

    def remarks(self) -> Iterator[str]:
        """What is to be said before anything is sent."""
        yield from self.remarks_on_rows()
        yield from self.labels.remarks()

    def remarks_on_rows(self) -> Iterator[str]:
        """As `remarks`, without the labels that are refused."""
        yield from self.missing.remarks()
        yield from self.kinds.remarks()
        yield from self.categories.remarks()
        yield from self.order.remarks()
        yield from self.matching.remarks()
        yield from self.labels.remarks_on_values()


def check(
    pipeline: Pipeline,
    source: Source,
    limits: Mapping[str, TimeLimits],
    options: ReplayOptions = AT_ONCE,
) -> Checked:
    """Read all that a replay would send, of a simulator the first record.

    Args:
        pipeline, source, options: As for `app.replay.replay.replay`.
        limits: Topic to the timestamps that it takes.

    Raises:
        SourceError: For a bad row.
        ReplayError: For one without its key, too large, or with a time that its topic does not
            take, keep, or leave as it is; and where no row has the field of its id.
    """
    to, due = channels(pipeline, source, options.key), due_times(options)
    found = Checked.of(pipeline, source, options.key)
    events = limited(source.read(), options.limit, with_labels="label" in to)
    if source.simulated:
        events = islice(events, 1)
    first: dict[str, Encoded] = {}
    last: dict[str, Encoded] = {}
    now = time.time() * 1000
    for number, record in enumerate(records(source, counted(source, events, found), to)):
        refuse_lost(record, limits.get(record.topic), now + 1000 * due(number, record))
        first.setdefault(record.topic, record)
        last[record.topic] = record
    if not source.simulated and (misspelt := next(found.missing.remarks(), None)):
        raise ReplayError(misspelt)
    found.ends = list({id(r): r for r in [*first.values(), *last.values()]}.values())
    return found


def counted(source: Source, events: Iterable[Event], found: Checked) -> Iterator[Event]:
    """The events, each of which is looked at."""
    for event in events:
        found.add(source.where(event), event)
        yield event
