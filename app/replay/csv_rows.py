"""The rows of a CSV file."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from agents.events.limits import MAX_VALUE
from app.replay.base import Event, SourceError

_NUMBER = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|(\.[0-9]+))([eE][-+]?[0-9]+)?")
_WITH_COMMA = re.compile(r"[-+]?[0-9]+,[0-9]+([eE][-+]?[0-9]+)?")
SEPARATORS = (",", ";", "\t", "|")
"""Of which one is between the cells: the first that the header has outside of quotes."""


def read_csv(path: Path, file: BinaryIO) -> Iterator[Event]:
    """The rows of a CSV file with a header line, in UTF-8.

    Numbers become numbers, true and false become bools, an empty cell is an absent field. Where
    no commas are between the cells, a decimal comma is a decimal point.

    Args:
        path: Its name, for errors.
        file: What is in it.

    Raises:
        SourceError: With the line, for a row that is longer or shorter than the header, or a
            cell that is larger than an event may be.
    """
    csv.field_size_limit(MAX_VALUE)
    with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        yield from _rows(path, text)


def _rows(path: Path, text: TextIO) -> Iterator[Event]:
    rows = csv.reader([])
    try:
        first = text.readline()
        separator = separator_of(first)
        rows = csv.reader(chain([first], text), strict=True, delimiter=separator)
        header = next(rows, [])
        if not header or "" in header or len(set(header)) < len(header):
            raise SourceError(f"{path}:1: the header must name every column, each once")
        line = rows.line_num + 1
        for row in rows:
            if row:
                yield Event(line, _cells(path, line, header, row, separator))
            line = rows.line_num + 1
    except csv.Error as error:
        raise SourceError(f"{path}:{rows.line_num}: {_explained(error)}") from None
    except UnicodeDecodeError as error:
        what = f"not UTF-8: {error}. Save it in that encoding"
        raise SourceError(f"{path}: after line {rows.line_num}: {what}") from None


def separator_of(header: str) -> str:
    """What stands between the cells: a comma, unless the header has none but another one."""
    bare = re.sub(r'"[^"]*"', "", header)
    return next((separator for separator in SEPARATORS if separator in bare), ",")


def _explained(error: csv.Error) -> str:
    if "field limit" in str(error):
        return f"a cell has more than {MAX_VALUE:,} characters, the most bytes of an event"
    return str(error)


def _cells(
    path: Path, line: int, header: list[str], row: list[str], separator: str
) -> dict[str, Any]:
    if len(row) != len(header):
        parted = f"parted by {separator!r}, as the header is"
        raise SourceError(
            f"{path}:{line}: {len(row)} cells, the header has {len(header)} ({parted})"
        )
    return fields_of(zip(header, row, strict=True), separator)


def fields_of(
    cells: Iterable[tuple[str, str | None]], separator: str
) -> dict[str, str | int | float | bool]:
    """The fields of an event; see `read_csv`.

    Args:
        cells: Names of columns and texts; None for an empty one.
        separator: What stood between them.
    """
    commas = separator != ","
    return {name: _cell(text, commas) for name, text in cells if text}


def _cell(text: str, commas: bool) -> str | int | float | bool:
    if commas and _WITH_COMMA.fullmatch(text.strip()):
        return _cell(text.replace(",", "."), False)
    if match := _NUMBER.fullmatch(text.strip()):
        _, whole, fraction, _, exponent = match.groups()
        if whole and fraction is None and exponent is None:
            return int(text) if abs(int(text)) < 2**63 else text
        return float(text) if math.isfinite(float(text)) else text
    return {"true": True, "false": False}.get(text.strip().lower(), text)
