"""The simulators as sources of a replay: "handbook", "live", "live:cards=500,seed=3,days=30"."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any

from app.fraud import stream
from app.fraud.handbook import Size, simulate
from app.fraud.live import LiveParameters, LiveSimulator
from app.fraud.stream import Names
from app.fraud.transactions import Transactions

Read = Callable[[], Iterator[stream.Record]]
Injection = tuple[str, int]
"""A name of `app.fraud.patterns.BOOK`, and the day, counted from 0, on which it begins."""

SIMULATORS: dict[str, type[Any]] = {"handbook": Size, "live": LiveParameters}


def simulator(
    source: str, names: Names, *, labelled: bool, delay: int | None, inject: Sequence[Injection]
) -> Read:
    """What reads the records of a simulator from its beginning, every time that it is called.

    Args:
        source: Its name, and after a colon its parameters: fields of `Size` or `LiveParameters`.
        names: What is called how; the prefix becomes the simulator's name.
        labelled: Whether events have their label, where `delay` is None.
        delay: Seconds after which the label comes as a record of its own.
        inject: New frauds for the live simulator.

    Raises:
        ValueError: For a parameter or a fraud that is not there, or that cannot be so.
    """
    name, _, settings = source.partition(":")
    parameters = _parameters(SIMULATORS[name], settings)
    names = names._replace(prefix=name)
    if inject:
        if not isinstance(parameters, LiveParameters):
            raise ValueError("new frauds can be injected into the live simulator only")
        _injected(LiveSimulator(parameters), inject)

    def read() -> Iterator[stream.Record]:
        days = _days(parameters, inject)
        if delay is not None:
            return stream.merged(days, names, delay)
        return stream.events(days, names, labelled)

    return read


def _days(parameters: Size | LiveParameters, inject: Sequence[Injection]) -> Iterable[Transactions]:
    if isinstance(parameters, LiveParameters):
        return _injected(LiveSimulator(parameters), inject)
    return _when_asked(parameters)


def _injected(simulator: LiveSimulator, inject: Sequence[Injection]) -> LiveSimulator:
    for pattern, day in inject:
        simulator.inject(pattern, day)
    return simulator


def _when_asked(size: Size) -> Iterator[Transactions]:
    data = simulate(size)
    for day in range(size.days):
        yield data.days(day, 1)


def _parameters(kind: type[Any], settings: str) -> Any:
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
