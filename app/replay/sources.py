"""Where a replay's events come from: a file, a River data set, or a simulator of frauds."""

import csv
import inspect
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from app.errors import RiverrunError

CSV, JSON_LINES = (".csv",), (".jsonl", ".ndjson", ".json")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")


class SourceError(RiverrunError, ValueError):
    """A source that is not there, or a row of it that is no event."""


class Event(NamedTuple):
    """One event, and the line of the file (or the number in the data set) that it comes from.

    Attributes:
        line: See above.
        fields: Its value.
        kind: "label" where it is the label of an earlier event, for the topic of the labels.
        timestamp: When it happened, in milliseconds since 1970; None for the time of sending.
    """

    line: int
    fields: dict[str, Any]
    kind: Literal["event", "label"] = "event"
    timestamp: int | None = None


@dataclass(frozen=True)
class Source:
    """Events in their order.

    Attributes:
        name: Of the file, the data set or the simulator.
        read: Begins anew with each call.
        count: How many there are; None where it is not known before the end.
        key: The field that keys the records; None for the pipeline's id.
    """

    name: str
    read: Callable[[], Iterator[Event]]
    count: int | None = None
    key: str | None = None


def open_source(
    source: str,
    id_field: str | None = None,
    label: str | None = None,
    label_delay: int | None = None,
) -> Source:
    """Find a source by its name.

    Args:
        source: The path of a file that ends in .csv, .jsonl, .ndjson or .json, the name of a
            data set that River ships, such as "phishing" or "image_segments", or a simulator
            of frauds: "handbook" or "live", with knobs as in "live:cards=500,days=30".
        id_field: The field that a data set's event gets its running number in: "phishing-000017".
        label: The field that a data set's event gets its label in; None for events without one.
        label_delay: Seconds after which a simulator's label comes, as an Event of kind "label";
            None puts it into the event.

    Raises:
        SourceError: When there is no such source, or it cannot be replayed.
    """
    path = Path(source)
    readers = dict.fromkeys(CSV, read_csv) | dict.fromkeys(JSON_LINES, read_json_lines)
    if (reader := readers.get(path.suffix.lower())) is not None:
        if not path.is_file():
            raise SourceError(f"{source}: no such file")
        return Source(path.name, lambda: reader(path))
    if source.partition(":")[0] in ("handbook", "live"):
        return _simulator(source, id_field, label, label_delay)
    return _data_set(source, id_field, label)


def read_csv(path: Path) -> Iterator[Event]:
    """The rows of a CSV file with a header line, in UTF-8.

    Numbers become numbers, true and false become bools, an empty cell is an absent field.

    Raises:
        SourceError: With the line, for a row that is longer or shorter than the header.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, strict=True)
        try:
            header = next(rows, [])
            if not header or "" in header or len(set(header)) < len(header):
                raise SourceError(f"{path}:1: the header must name every column, each once")
            line = rows.line_num + 1
            for row in rows:
                if row:
                    yield Event(line, _cells(path, line, header, row))
                line = rows.line_num + 1
        except csv.Error as error:
            raise SourceError(f"{path}:{rows.line_num}: {error}") from None
        except UnicodeDecodeError as error:
            raise SourceError(f"{path}: after line {rows.line_num}: not UTF-8: {error}") from None


def read_json_lines(path: Path) -> Iterator[Event]:
    """The objects of a file with one JSON object a line; empty lines are passed over.

    Raises:
        SourceError: With the line, for a line that is no JSON object.
    """
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    with path.open("rb") as file:
        for line, text in enumerate(file, 1):
            if text.isspace():
                continue
            try:
                yield Event(line, decode(text))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise SourceError(f"{path}:{line}: not a JSON object: {error}") from None


def _cells(path: Path, line: int, header: list[str], row: list[str]) -> dict[str, Any]:
    if len(row) != len(header):
        raise SourceError(f"{path}:{line}: {len(row)} cells, the header has {len(header)}")
    return {name: _cell(text) for name, text in zip(header, row, strict=True) if text != ""}


def _cell(text: str) -> str | int | float | bool:
    if match := _NUMBER.fullmatch(text):
        if match[2] is None and match[3] is None:
            return int(text) if abs(int(text)) < 2**63 else text
        return float(text) if math.isfinite(float(text)) else text
    return {"true": True, "false": False}.get(text.lower(), text)


def _simulator(
    source: str, id_field: str | None, label: str | None, label_delay: int | None
) -> Source:
    from app.fraud.source import simulator

    try:
        read = simulator(source, id_field or "id", label, label_delay)
    except ValueError as error:
        raise SourceError(f"{source}: {error}") from None

    def events() -> Iterator[Event]:
        for number, record in enumerate(read()):
            yield Event(number, record.value, record.kind, record.timestamp)

    return Source(source.partition(":")[0], events, key="card")


def _data_set(name: str, id_field: str | None, label: str | None) -> Source:
    from river.datasets import base

    kinds = _data_sets()
    bundled: dict[str, Any] = {
        key: kind
        for key, kind in kinds.items()
        if issubclass(kind, base.FileDataset) and not issubclass(kind, base.RemoteDataset)
    }
    known = f"riverrun replays those that River ships: {', '.join(sorted(bundled))}"
    if name not in kinds:
        endings = ", ".join(CSV + JSON_LINES)
        raise SourceError(
            f'"{name}" is no file ({endings}), no simulator (handbook, live) and no data set '
            f"of River; {known}"
        )
    if name not in bundled:
        raise SourceError(f'River downloads the data set "{name}"; {known}')
    data = bundled[name]()
    if data.task in (base.MO_BINARY_CLF, base.MO_REG):
        raise SourceError(f'the events of "{name}" have several labels each, a pipeline has one')

    def read() -> Iterator[Event]:
        for number, (x, y) in enumerate(data):
            numbered = {id_field: f"{name}-{number:06}"} if id_field else {}
            labelled = {label: y} if label else {}
            yield Event(number, numbered | x | labelled)

    return Source(name, read, data.n_samples)


def _data_sets() -> dict[str, type[Any]]:
    """River's data sets by name: `ImageSegments` is "image_segments"."""
    from river import datasets

    kinds = {kind: getattr(datasets, kind) for kind in datasets.__all__}
    return {
        re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower(): kind
        for name, kind in kinds.items()
        if inspect.isclass(kind)
    }
