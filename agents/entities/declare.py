"""What an [[entities]] table of a pipeline file asks for: its features, by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from agents.entities.windows import Windows, WrongWindows, spelled
from agents.errors import AgentError

Function = Literal["count", "sum", "mean", "std", "distinct", "ratio", "since_last"]

ALLOWED = "count, since_last, sum(x), mean(x), std(x), distinct(x), ratio(x)"
OF_EVENTS = ("since_last", "ratio")
"""They compare an event with those before it: not for labels."""

_FEATURE = re.compile(r"(count|since_last)|(sum|mean|std|distinct|ratio)\((.+)\)")


class EntityError(AgentError, ValueError):
    """A table that cannot be used.

    Args:
        number: Of the table, from 0.
        key: The setting that is wrong.
        what: What is wrong with it.

    Attributes:
        key: The place in the file, such as ("entities[0]", "features").
        what: As given.
    """

    def __init__(self, number: int, key: str, what: str) -> None:
        super().__init__(f"entities[{number}].{key}: {what}")
        self.key = (f"entities[{number}]", key)
        self.what = what


@dataclass(frozen=True, slots=True)
class EntityTable:
    """An [[entities]] table.

    Attributes:
        number: Which of the file it is, from 0.
        field: The field whose values are the entities.
        source: What brings the past up to date.
        features: Such as "count" or "mean(amount)".
        windows: In seconds.
        delay: The windows end so many seconds before the event.
        bucket: Length of the counters that windows are made of, in seconds; None: see `Windows`.
        label: The field of the label; needed where the source is labels.
    """

    number: int
    field: str
    source: Literal["events", "labels"] = "events"
    features: tuple[str, ...] = ("count",)
    windows: tuple[float, ...] = (86_400.0,)
    delay: float = 0.0
    bucket: float | None = None
    label: str = "label"


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: its name, and the function of field `x` over window number `window`."""

    name: str
    function: Function
    x: str = ""
    window: int = -1


@dataclass(frozen=True, slots=True)
class Declared:
    """A table that was checked: its features one by one, its windows as buckets."""

    table: EntityTable
    features: tuple[Feature, ...]
    windows: Windows

    @property
    def names(self) -> tuple[str, ...]:
        """Of the features."""
        return tuple(feature.name for feature in self.features)

    def fields(self, *functions: Function) -> tuple[str, ...]:
        """The fields that these functions are of, each once."""
        return tuple(dict.fromkeys(f.x for f in self.features if f.function in functions))

    @property
    def numbers(self) -> tuple[str, ...]:
        """The fields that must be numbers."""
        return self.fields("sum", "mean", "std", "ratio")

    @property
    def marks(self) -> tuple[str, ...]:
        """The fields whose different values are counted."""
        return self.fields("distinct")


def declared(table: EntityTable) -> Declared:
    """`table`, checked. Raises EntityError.

    >>> declared(EntityTable(0, "card", features=("since_last", "mean(amount)"))).names
    ('card_since_last', 'card_mean_amount_1d')
    >>> declared(EntityTable(0, "card", features=("avg(amount)",)))
    Traceback (most recent call last):
    ...
    agents.entities.declare.EntityError: entities[0].features: "avg(amount)" is none of count,
    since_last, sum(x), mean(x), std(x), distinct(x), ratio(x), with a field of the event as x
    """
    try:
        windows = Windows.of(table.windows, table.delay, table.bucket)
    except WrongWindows as error:
        raise EntityError(table.number, error.key, error.what) from None
    return Declared(table, tuple(_features(table)), windows)


def feature_names(table: EntityTable) -> tuple[str, ...]:
    """The names of the features that `table` adds to an event. Raises EntityError."""
    return declared(table).names


def check_tables(tables: Iterable[EntityTable]) -> None:
    """Each table by itself, and that no two make a feature of one name. Raises EntityError."""
    taken: dict[str, int] = {}
    for table in tables:
        for name in feature_names(table):
            if name in taken:
                what = f'"{name}" is a feature of entities[{taken[name]}] already'
                raise EntityError(table.number, "features", what)
            taken[name] = table.number


def _features(table: EntityTable) -> Iterator[Feature]:
    """Those without a window, then window after window."""
    parsed = [_parsed(table, text) for text in dict.fromkeys(table.features)]
    if ("since_last", "") in parsed:
        yield Feature(f"{table.field}_since_last", "since_last")
    for number, window in enumerate(table.windows):
        for function, x in parsed:
            if function != "since_last":
                parts = (table.field, function, x, spelled(window))
                yield Feature("_".join(filter(None, parts)), function, x, number)


def _parsed(table: EntityTable, text: str) -> tuple[Function, str]:
    match = _FEATURE.fullmatch(text.strip())
    x = match[3].strip() if match and match[3] else ""
    if match is None or (match[2] and not x):
        what = f'"{text}" is none of {ALLOWED}, with a field of the event as x'
        raise EntityError(table.number, "features", what)
    function: Function = match[1] or match[2]  # type: ignore[assignment]
    if table.source == "labels" and (why := _not_of_labels(function, x, table.label)):
        raise EntityError(table.number, "features", f'"{text}" {why}')
    return function, x


def _not_of_labels(function: Function, x: str, label: str) -> str | None:
    if function in OF_EVENTS:
        return 'needs source = "events"'
    if function == "distinct" and x == label:
        return "cannot be of the label, which may be corrected"
    return None
