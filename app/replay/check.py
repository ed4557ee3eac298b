"""Looks through a source before anything of it is sent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from app.pipeline.load import Pipeline
from app.replay.base import Event, Source
from app.replay.categories import Categories
from app.replay.matching import Matching
from app.replay.order import Order
from app.replay.records import Encoded, channels, limited, records, refuse_lost
from app.replay.refused_labels import RefusedLabels
from app.replay.replay import AT_ONCE, ReplayOptions, due_times
from app.replay.unused import unused_texts
from topics.times import TimeLimits

SHOWN = 40
"""Characters of a text that is shown."""


@dataclass
class Kinds:
    """How often each field was a number, how often a text, and its first text with the place."""

    numbers: Counter[str] = field(default_factory=Counter)
    texts: Counter[str] = field(default_factory=Counter)
    first_text: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, where: str, fields: Mapping[str, Any]) -> None:
        """Count the fields of one row."""
        for name, value in fields.items():
            if type(value) is str:
                self.texts[name] += 1
                if name not in self.first_text:
                    self.first_text[name] = where, value
            elif type(value) is float or type(value) is int:
                self.numbers[name] += 1

    @property
    def always_texts(self) -> set[str]:
        """The fields that were never a number."""
        return self.texts.keys() - self.numbers.keys()

    def remarks(self) -> Iterator[str]:
        """A line for each field that is both: a model takes its texts for another thing."""
        for name in self.numbers.keys() & self.texts.keys():
            where, text = self.first_text[name]
            yield (
                f'{where}: "{name}" is the text {text[:SHOWN]!r}; it is a text in'
                f" {self.texts[name]:,} rows and a number in {self.numbers[name]:,}"
            )


@dataclass
class Checked:
    """What was found in a source that can be sent.

    Attributes:
        pipeline: Where it goes to.
        key: The field of the key of its events.
        labels: Those that the learner does not take.
        categories: Texts that are taken for categories.
        matching: Ids that come twice, and labels that do not fit their events.
        ends: The first and the last record of each topic.
        kinds: Of the fields of its events.
        order: Rows that are not in the order of time.
    """

    pipeline: Pipeline
    key: str | None
    labels: RefusedLabels
    categories: Categories
    matching: Matching
    ends: list[Encoded] = field(default_factory=list)
    kinds: Kinds = field(default_factory=Kinds)
    order: Order = field(default_factory=Order)

    @classmethod
    def of(cls, pipeline: Pipeline, source: Source, key: str | None = None) -> Checked:
        """Nothing was looked at yet; `key` as for `ReplayOptions`."""
        to = channels(pipeline, source, key)
        labels, categories = RefusedLabels(pipeline), Categories(pipeline)
        return cls(pipeline, to["event"].key, labels, categories, Matching(pipeline, to))

    def add(self, where: str, event: Event) -> None:
        """Look at one row."""
        if event.kind == "event":
            self.kinds.add(where, event.fields)
            self.categories.add(event.fields)
        self.labels.add(where, event)
        self.order.add(where, event)
        self.matching.add(where, event)

    def remarks(self) -> Iterator[str]:
        """What is to be said before anything is sent."""
        yield from self.remarks_on_rows()
        yield from self.labels.remarks()

    def remarks_on_rows(self) -> Iterator[str]:
        """As `remarks`, without the labels that are refused."""
        yield from self.kinds.remarks()
        yield from unused_texts(self.pipeline, self.kinds.always_texts, self.key)
        yield from self.categories.remarks()
        yield from self.order.remarks()
        yield from self.matching.remarks()
        yield from self.labels.remarks_on_field()


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
            take, keep, or leave as it is.
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
    found.ends = list({id(r): r for r in [*first.values(), *last.values()]}.values())
    return found


def counted(source: Source, events: Iterable[Event], found: Checked) -> Iterator[Event]:
    """The events, each of which is looked at."""
    for event in events:
        found.add(source.where(event), event)
        yield event
