"""The rows of tables in folders: Delta, Iceberg, or a folder of Parquet files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from app.replay.base import Event, Source, SourceError
from app.replay.parquet import fields_of
from app.replay.times import parse_time

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["delta", "iceberg", "parquet"]

METADATA = ".metadata.json"
"""The ending of an Iceberg table's metadata: a version of the table."""
_NUMBER = re.compile(r"v?(\d+)")
NEEDED = {
    "delta": ("deltalake", 'pip install "deltalake>=1.6,<2" "pyarrow>=20,<27"'),
    "iceberg": (
        "pyiceberg",
        'pip install "pyiceberg[sql-sqlite]>=0.12,<0.13" "pyarrow>=20,<27"',
    ),
    "parquet": ("pyarrow", 'pip install "pyarrow>=20,<27"'),
}


def kind_of(name: str) -> Kind | None:
    """What kind of table lies there; None where it is none."""
    path = Path(name)
    if name.endswith(METADATA) or any(path.glob(f"metadata/*{METADATA}")):
        return "iceberg"
    if (path / "_delta_log").is_dir():
        return "delta"
    return "parquet" if path.is_dir() and parquet_files(path) else None


def open_table(name: str) -> Source:
    """The rows of a table as events; with a field of times in the order of these, in memory.

    Raises:
        SourceError: While reading, where it cannot be read, or a package is missing.
    """
    read = _READ[kind_of(name) or "parquet"]

    def table() -> pa.Table:
        package, install = NEEDED[kind_of(name) or "parquet"]
        if find_spec(package) is None or find_spec("pyarrow") is None:
            raise SourceError(f"{name}: needs a package that is not installed: {install}")
        try:
            return read(Path(name))
        except SourceError:
            raise
        except Exception as error:  # each library has errors of its own
            raise SourceError(f"{name}: cannot be read: {error}") from error

    def ordered(field: str) -> Iterator[Event]:
        rows = table()
        return _events(rows.take(_order(name, rows, field)))

    return Source(Path(name).name, lambda: _events(table()), ordered=ordered)


def parquet_files(path: Path) -> list[Path]:
    """The Parquet files of a folder and those below, by their names; hidden ones are none."""
    found = (file.relative_to(path) for file in path.rglob("*.parquet"))
    shown = (file for file in found if not any(part[0] in "._" for part in file.parts))
    return [path / file for file in sorted(shown)]


def metadata_of(path: Path) -> Path:
    """The newest metadata of an Iceberg table, or the one that is named.

    Raises:
        SourceError: Two writers have made one each: only the catalog knows which one counts.
    """
    if path.name.endswith(METADATA):
        return path
    found: dict[int, list[Path]] = {}
    for file in path.glob(f"metadata/*{METADATA}"):
        number = _NUMBER.match(file.name)
        found.setdefault(int(number[1]) if number else -1, []).append(file)
    newest = sorted(found[max(found)])
    if len(newest) > 1:
        raise SourceError(
            f"{path}: {newest[0].name} and {newest[1].name} are of one number, and only the catalog"
            " knows which one is the table: name that file"
        )
    return newest[0]


def _events(rows: pa.Table) -> Iterator[Event]:
    line = 0
    for batch in rows.to_batches():
        for row in batch.to_pylist():
            line += 1
            yield Event(line, fields_of(row))


def _order(name: str, rows: pa.Table, field: str) -> list[int]:
    """The numbers of the rows, in the order of their times."""
    if field not in rows.column_names:
        raise SourceError(f'{name}: has no field "{field}"')
    times = []
    for value in rows.column(field).to_pylist():
        try:
            times.append(parse_time(fields_of({field: value}).get(field)))
        except ValueError as error:
            raise SourceError(f"{name}: {field} = {value!r}: {error}") from None
    return sorted(range(len(times)), key=times.__getitem__)


def _delta(path: Path) -> pa.Table:
    from deltalake import DeltaTable

    return DeltaTable(path).to_pyarrow_dataset().to_table()


def _iceberg(path: Path) -> pa.Table:
    from pyiceberg.table import StaticTable

    return StaticTable.from_metadata(metadata_of(path).absolute().as_uri()).scan().to_arrow()


def _parquet(path: Path) -> pa.Table:
    import pyarrow as pa
    from pyarrow.parquet import read_table

    tables = [read_table(file) for file in parquet_files(path)]
    return pa.concat_tables(tables, promote_options="default")


_READ: dict[Kind, Callable[[Path], pa.Table]] = {
    "delta": _delta,
    "iceberg": _iceberg,
    "parquet": _parquet,
}
