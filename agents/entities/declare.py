"""What an [[entities]] table of a pipeline file asks for: its features, by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from agents.entities.windows import Windows, WrongWindows, spelled
from agents.errors import AgentError

Function = Literal[
    "count", "sum", "mean", "std", "distinct", "ratio", "trend", "since_last", "last", "lag"
]

ALLOWED = (
    "count, since_last, sum(x), mean(x), std(x), distinct(x), ratio(x), trend(x), last(x), "
    "lag(x, n)"
)
OF_EVENTS = ("since_last", "ratio")
"""They compare an event with those before it: not for labels."""
EARLIER = ("last", "lag")
"""They return one earlier value, whatever the windows."""
STREAM = "stream"
"""What the names of features of the whole stream begin with."""
MOST_VALUES = 1_000
"""How far back `lag` may reach: so many values of a field are kept for each entity."""

_FEATURE = re.compile(
    r"(?P<bare>count|since_last)"
    r"|(?P<function>sum|mean|std|distinct|ratio|trend|last)\((?P<x>.+)\)"
    r"|(?P<lag>lag)\((?P<of>.+),\s*(?P<n>\d{1,9})\s*\)"
)


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
        field: The field whose values are the entities; None: the whole stream is one entity.
        source: What brings the past up to date.
        features: Such as "count" or "mean(amount)".
        windows: In seconds.
        delay: The windows end so many seconds before the event.
        bucket: Length of the counters that windows are made of, in seconds; None: see `Windows`.
        label: The field of the label; needed where the source is labels.
        with_events: Whether each label comes in its event, not later.
        label_values: What labels that come in events stand for; see `label_value`.
    """

    number: int
    field: str | None
    source: Literal["events", "labels"] = "events"
    features: tuple[str, ...] = ("count",)
    windows: tuple[float, ...] = (86_400.0,)
    delay: float = 0.0
    bucket: float | None = None
    label: str = "label"
    with_events: bool = False
    label_values: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: its name, and the function of field `x` over window number `window`.

    `n` is which of the earlier values it is, from 1 for the last; 0 for other functions.
    """

    name: str
    function: Function
    x: str = ""
    window: int = -1
    n: int = 0


@dataclass(frozen=True, slots=True)
class Declared:
    """A table that was checked: its features one by one, its windows as buckets."""

    table: EntityTable
    features: tuple[Feature, ...]
    windows: Windows

    @property
    def waits(self) -> bool:
        """Whether labels that come later than their events bring it up to date."""
        return self.table.source == "labels" and not self.table.with_events

    @property
    def reads_labels(self) -> bool:
        """Whether events bring it up to date with the labels that come in them."""
        return self.table.source == "labels" and self.table.with_events

    @property
    def names(self) -> tuple[str, ...]:
        """Of the features."""
        return tuple(feature.name for feature in self.features)

    def fields(self, *functions: Function) -> tuple[str, ...]:
        """The fields that these functions are of, each once."""
        return tuple(dict.fromkeys(f.x for f in self.features if f.function in functions))

    @property
    def numbers(self) -> tuple[str, ...]:
        """The fields that must be numbers: those that are summed up, then the others."""
        return tuple(dict.fromkeys((*self.sums, *self.depths)))

    @property
    def sums(self) -> tuple[str, ...]:
        """The fields that are summed up in buckets."""
        return self.fields("sum", "mean", "std", "ratio", "trend")

    @property
    def depths(self) -> dict[str, int]:
        """The fields of which earlier values are kept, each with how many."""
        depths: dict[str, int] = {}
        for f in self.features:
            if f.n:
                depths[f.x] = max(f.n, depths.get(f.x, 0))
        return depths

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
    since_last, sum(x), mean(x), std(x), distinct(x), ratio(x), trend(x), last(x), lag(x, n), with
    a field of the event as x
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
    parsed = list(dict.fromkeys(_parsed(table, text) for text in table.features))
    name = table.field or STREAM
    for function, x, n in parsed:
        if function == "since_last":
            yield Feature(f"{name}_since_last", function)
        elif function in EARLIER:
            parts = [name, function, x, *([str(n)] if function == "lag" else [])]
            yield Feature("_".join(parts), function, x, n=n)
    for number, window in enumerate(table.windows):
        for function, x, _ in parsed:
            if function not in ("since_last", *EARLIER):
                parts = [name, function, x, spelled(window)]
                yield Feature("_".join(filter(None, parts)), function, x, number)


def _parsed(table: EntityTable, text: str) -> tuple[Function, str, int]:
    """The function, its field, and which of the earlier values it is."""
    match = _FEATURE.fullmatch(text.strip())
    x = (match["x"] or match["of"] or "").strip() if match else ""
    if match is None or not (match["bare"] or x):
        what = f'"{text}" is none of {ALLOWED}, with a field of the event as x'
        raise EntityError(table.number, "features", what)
    function: Function = match["bare"] or match["function"] or match["lag"]  # type: ignore[assignment]
    n = int(match["n"]) if function == "lag" else int(function == "last")
    if why := _refused(table, function, x, n):
        raise EntityError(table.number, "features", f'"{text}" {why}')
    return function, x, n


def _refused(table: EntityTable, function: Function, x: str, n: int) -> str | None:
    if function == "lag" and not 1 <= n <= MOST_VALUES:
        return f"reaches back 1 to {MOST_VALUES:,} values"
    if table.source == "events":
        if table.with_events and x == table.label:
            return 'is of the label that is to be predicted: it needs source = "labels"'
        return None
    if function in OF_EVENTS:
        return 'needs source = "events"'
    if function == "distinct" and x == table.label:
        return "cannot be of the label, which may be corrected"
    return None
