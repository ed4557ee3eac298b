"""The simulators as sources of a replay: "handbook", "live", "live:cards=500,seed=3,days=30"."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from typing import Any

from app.fraud import stream
from app.fraud.handbook import Size, simulate
from app.fraud.live import Knobs, LiveSimulator
from app.fraud.stream import Names
from app.fraud.transactions import Transactions

Read = Callable[[], Iterator[stream.Record]]

SIMULATORS: dict[str, type[Any]] = {"handbook": Size, "live": Knobs}


def simulator(source: str, id_field: str, label: str | None, delay: int | None) -> Read:
    """What reads the records of a simulator from its beginning, every time that it is called.

    Args:
        source: Its name, and after a colon its knobs: the fields of `Size` or `Knobs`.
        id_field: The field of the ids.
        label: The field of the label; None for events without one.
        delay: Seconds after which the label comes as a record of its own; None puts it into
            the event.

    Raises:
        ValueError: For a knob that is not there, or that cannot be so.
    """
    name, _, settings = source.partition(":")
    knobs = _knobs(SIMULATORS[name], settings)
    names = Names(id_field, label or "fraud", name)

    def read() -> Iterator[stream.Record]:
        days = _days(knobs)
        if label is not None and delay is not None:
            return stream.merged(days, names, delay)
        return stream.events(days, names, labelled=label is not None)

    return read


def _days(knobs: Size | Knobs) -> Iterable[Transactions]:
    if isinstance(knobs, Knobs):
        return LiveSimulator(knobs)
    return _when_asked(knobs)


def _when_asked(size: Size) -> Iterator[Transactions]:
    data = simulate(size)
    for day in range(size.days):
        yield data.days(day, 1)


def _knobs(kind: type[Any], settings: str) -> Any:
    known = {field.name: float if field.type is float else int for field in fields(kind)}
    given: dict[str, float] = {}
    for setting in filter(None, settings.split(",")):
        key, _, text = setting.partition("=")
        if key not in known:
            raise ValueError(f'has no "{key}"; it has {", ".join(known)}')
        try:
            given[key] = known[key](text)
        except ValueError:
            what = "a number" if known[key] is float else "a whole number"
            raise ValueError(f'{key} = "{text}": must be {what}') from None
    return kind(**given)
