"""Where a replay's events come from: a file, a River data set, or a simulator of frauds."""

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import Any

from river import datasets
from river.datasets import base

from app.fraud.source import simulator
from app.fraud.stream import Names
from app.replay.base import Event, LateLabels, Source, SourceError
from app.replay.files import ENDINGS, is_file_name, open_file

__all__ = ["Event", "Injection", "LateLabels", "Source", "SourceError", "open_source"]

SIMULATORS = ("handbook", "live")
Injection = tuple[str, int]
"""A new fraud of the live simulator, and the day, counted from 0, on which it begins."""


def open_source(
    source: str,
    id_field: str | None = None,
    label: str | None = None,
    late: LateLabels | None = None,
    inject: Sequence[Injection] = (),
) -> Source:
    """Find a source by its name.

    Args:
        source: The path of a file that ends in .csv, .jsonl, .ndjson or .json, the name of a
            data set that River ships, such as "phishing" or "image_segments", or a simulator
            of frauds: "handbook" or "live", with parameters as in "live:cards=500,days=30".
        id_field: The field that a data set's event gets its running number in: "phishing-000017".
        label: The field that a data set's event gets its label in; None for events without one.
        late: Labels come as Events of kind "label" instead: those of a simulator after their
            delay, those of a data set, which has no times, right after their events. A file
            has none.
        inject: New frauds for the live simulator.

    Raises:
        SourceError: When there is no such source, or it cannot be replayed.
    """
    kind = source.partition(":")[0]
    if inject and kind != "live":
        raise SourceError(f"{source}: new frauds can be injected into the live simulator only")
    if is_file_name(source):
        return open_file(source)
    if kind in SIMULATORS:
        return _simulator(source, id_field, label, late, inject)
    return _data_set(source, id_field, label, late)


def _simulator(
    source: str,
    id_field: str | None,
    label: str | None,
    late: LateLabels | None,
    inject: Sequence[Injection],
) -> Source:
    names, delay = Names(id_field or "id", label or "fraud"), None
    if late is not None:
        names, delay = names._replace(label=late.label, label_id=late.id), late.delay
        names = names._replace(source=late.source)
    try:
        read = simulator(source, names, labelled=label is not None, delay=delay, inject=inject)
    except ValueError as error:
        raise SourceError(f"{source}: {error}") from None

    def events() -> Iterator[Event]:
        for number, record in enumerate(read()):
            yield Event(number, record.value, record.kind, record.timestamp)

    return Source(source.partition(":")[0], events, key="card", simulated=True)


def _data_set(
    name: str, id_field: str | None, label: str | None, late: LateLabels | None
) -> Source:
    kinds = _data_sets()
    bundled: dict[str, Any] = {
        key: kind
        for key, kind in kinds.items()
        if issubclass(kind, base.FileDataset) and not issubclass(kind, base.RemoteDataset)
    }
    known = f"riverrun replays those that River ships: {', '.join(sorted(bundled))}"
    if name not in kinds:
        raise SourceError(
            f'"{name}" is no file ({", ".join(ENDINGS)}), no simulator (handbook, live) and '
            f"no data set of River; {known}"
        )
    if name not in bundled:
        raise SourceError(f'River downloads the data set "{name}"; {known}')
    data = bundled[name]()
    if data.task in (base.MO_BINARY_CLF, base.MO_REG):
        raise SourceError(f'the events of "{name}" have several labels each, a pipeline has one')

    def read() -> Iterator[Event]:
        for number, (x, y) in enumerate(data):
            key = f"{name}-{number:06}"
            numbered = {id_field: key} if id_field else {}
            labelled = {label: y} if label and late is None else {}
            yield Event(number, numbered | x | labelled)
            if late is not None:
                yield Event(number, {late.id: key, late.label: y}, "label")

    return Source(name, read, data.n_samples)


def _data_sets() -> dict[str, type[Any]]:
    """River's data sets by name: `ImageSegments` is "image_segments"."""
    kinds = {kind: getattr(datasets, kind) for kind in datasets.__all__}
    return {
        re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower(): kind
        for name, kind in kinds.items()
        if inspect.isclass(kind)
    }
