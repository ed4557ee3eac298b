"""The rows of a Parquet file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from app.replay.base import Event, SourceError

NEEDED = 'needs a package that is not installed: pip install "pyarrow>=20,<27"'


def read_parquet(path: Path) -> Iterator[Event]:
    """The rows of a Parquet file, counted from 1.

    A null and a number that is none are absent fields, a time is its ISO 8601 text, a decimal a
    number.

    Raises:
        SourceError: When it cannot be read, or pyarrow is missing.
    """
    if find_spec("pyarrow") is None:
        raise SourceError(f"{path}: {NEEDED}")
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            line = 0
            for batch in file.iter_batches():
                for row in batch.to_pylist():
                    line += 1
                    yield Event(line, fields_of(row))
    except ArrowException as error:
        raise SourceError(f"{path}: cannot be read: {error}") from None


def fields_of(row: dict[str, Any]) -> dict[str, Any]:
    """The fields of an event; see `read_parquet`."""
    values = ((name, _value(value)) for name, value in row.items())
    return {name: value for name, value in values if value is not None}


def _value(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, date | datetime):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value
