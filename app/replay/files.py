"""Files of events: CSV, and JSON lines."""

import codecs
import csv
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from agents.events.limits import MAX_VALUE
from app.replay.base import Event, Source, SourceError

CSV, JSON_LINES = (".csv",), (".jsonl", ".ndjson", ".json")
ENDINGS = CSV + JSON_LINES
_NUMBER = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|(\.[0-9]+))([eE][-+]?[0-9]+)?")
_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def is_file_name(name: str) -> bool:
    """Whether the name has the ending of a file that can be replayed."""
    return Path(name).suffix.lower() in ENDINGS


def open_file(name: str) -> Source:
    """The rows of a file as events.

    Raises:
        SourceError: When it is not there, or its ending is none of `ENDINGS`.
    """
    path = Path(name)
    if not is_file_name(name):
        raise SourceError(f"{name}: must end in {', '.join(ENDINGS)}")
    if not path.is_file():
        raise SourceError(f"{name}: no such file")
    read = read_csv if path.suffix.lower() in CSV else read_json_lines
    return Source(path.name, lambda: read(path))


def read_csv(path: Path) -> Iterator[Event]:
    """The rows of a CSV file with a header line, in UTF-8.

    Numbers become numbers, true and false become bools, an empty cell is an absent field.

    Raises:
        SourceError: With the line, for a row that is longer or shorter than the header, or a
            cell that is larger than an event may be.
    """
    csv.field_size_limit(MAX_VALUE)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, strict=True)
        try:
            header = next(rows, [])
            if not header or "" in header or len(set(header)) < len(header):
                raise SourceError(f"{path}:1: the header must name every column, each once")
            _refuse_other_separators(path, header)
            line = rows.line_num + 1
            for row in rows:
                if row:
                    yield Event(line, _cells(path, line, header, row))
                line = rows.line_num + 1
        except csv.Error as error:
            raise SourceError(f"{path}:{rows.line_num}: {_explained(error)}") from None
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
            text = text.removeprefix(codecs.BOM_UTF8) if line == 1 else text
            if not text.strip():
                continue
            try:
                yield Event(line, decode(text))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise SourceError(f"{path}:{line}: not a JSON object: {error}") from None


def _refuse_other_separators(path: Path, header: list[str]) -> None:
    """Refuse a file whose cells other characters separate: each row would be one text."""
    for separator, name in _OTHER_SEPARATORS.items():
        if len(header) == 1 and separator in header[0]:
            raise SourceError(
                f"{path}:1: {name} separate the columns: save the file with commas between the "
                "cells, and with points, not commas, in decimal numbers"
            )


def _explained(error: csv.Error) -> str:
    if "field limit" in str(error):
        return f"a cell has more than {MAX_VALUE:,} characters, the most bytes of an event"
    return str(error)


def _cells(path: Path, line: int, header: list[str], row: list[str]) -> dict[str, Any]:
    if len(row) != len(header):
        raise SourceError(f"{path}:{line}: {len(row)} cells, the header has {len(header)}")
    return {name: _cell(text) for name, text in zip(header, row, strict=True) if text != ""}


def _cell(text: str) -> str | int | float | bool:
    if match := _NUMBER.fullmatch(text.strip()):
        _, whole, fraction, _, exponent = match.groups()
        if whole and fraction is None and exponent is None:
            return int(text) if abs(int(text)) < 2**63 else text
        return float(text) if math.isfinite(float(text)) else text
    return {"true": True, "false": False}.get(text.strip().lower(), text)
