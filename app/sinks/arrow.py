"""Rows as Arrow tables, for the stores of lakes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from app.sinks.columns import Column, Kind, Row
from app.sinks.store import Refused, SchemaMismatch

_TYPES: dict[Kind, Any] = {
    "bool": pa.bool_(),
    "int": pa.int64(),
    "float": pa.float64(),
    "text": pa.string(),
    "json": pa.string(),
    "time": pa.timestamp("us", tz="UTC"),
}


def schema_of(columns: Sequence[Column]) -> Any:
    """The Arrow schema of rows."""
    return pa.schema([(column.name, _TYPES[column.kind]) for column in columns])


def table_of(columns: Sequence[Column], rows: Sequence[Row]) -> Any:
    """The rows, in their order.

    Raises:
        Refused: A value does not fit its column, such as an int of more than 64 bits.
    """
    try:
        arrays = [_array(column, [row[i] for row in rows]) for i, column in enumerate(columns)]
    except (pa.ArrowException, OverflowError, UnicodeEncodeError) as error:
        raise Refused(str(error)) from error
    return pa.Table.from_arrays(arrays, schema=schema_of(columns))


def require_columns(where: str, there: Any, wanted: Any) -> list[Any]:
    """The wanted fields that are missing in the schema of a table.

    Raises:
        SchemaMismatch: One is there with another type.
    """
    missing = []
    for field in wanted:
        at = there.get_field_index(field.name)
        if at < 0:
            missing.append(field)
        elif not _same(there.field(at).type, field.type):
            raise SchemaMismatch(
                f"{where}: column {field.name} is {there.field(at).type}, and must be"
                f" {field.type}: change it, or name another table"
            )
    return missing


def _array(column: Column, values: Sequence[Row | Any]) -> Any:
    if column.kind != "time":
        return pa.array(values, _TYPES[column.kind])
    milliseconds = pa.array(values, pa.timestamp("ms", tz="UTC"))
    return milliseconds.cast(_TYPES["time"])


def _same(there: Any, wanted: Any) -> bool:
    """A store may read a text or a time back as another of their kinds."""
    if pa.types.is_timestamp(wanted):
        return bool(pa.types.is_timestamp(there))
    if pa.types.is_string(wanted):
        return bool(pa.types.is_string(there) or pa.types.is_large_string(there)) or (
            hasattr(pa.types, "is_string_view") and bool(pa.types.is_string_view(there))
        )
    return bool(there == wanted)
