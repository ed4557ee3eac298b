"""Delta and Iceberg tables and folders of Parquet files as sources, in the order of time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.replay.base import Event, SourceError
from app.replay.files import is_file_name, open_file
from app.replay.tables import kind_of
from app.replay.times import timed

pa = pytest.importorskip("pyarrow", reason='pyarrow is not installed (the extra "parquet")')

ROWS: list[dict[str, Any]] = [
    {"id": n, "when": f"2026-11-{28 - n:02d}T12:00:00+00:00", "amount": n / 2, "day": n % 2}
    for n in range(9)
]
EXPECTED = [Event(9 - n, row) for n, row in enumerate(reversed(ROWS))]


def parquet(folder: Path) -> str:
    from pyarrow.parquet import write_table

    (folder / "table" / "day").mkdir(parents=True)
    for name, rows in (("b", ROWS[5:]), ("a", ROWS[:5]), ("day/.half", ROWS), ("_tmp", ROWS)):
        write_table(pa.Table.from_pylist(rows), folder / "table" / f"{name}.parquet")
    return str(folder / "table")


def delta(folder: Path) -> str:
    """Two commits, then a row that is deleted: the files alone have it still."""
    deltalake = pytest.importorskip("deltalake")
    path = str(folder / "table")
    for rows in (ROWS[:5], ROWS[5:], [ROWS[0] | {"id": 77}]):
        table = pa.Table.from_pylist(rows)
        deltalake.write_deltalake(path, table, mode="append", partition_by=["day"])
    deltalake.DeltaTable(path).delete("id = 77")
    return path


def iceberg(folder: Path) -> str:
    pytest.importorskip("pyiceberg")
    from pyiceberg.catalog import load_catalog

    settings = {"uri": f"sqlite:///{folder}/catalog.db", "warehouse": f"file://{folder}"}
    catalog = load_catalog("ours", type="sql", **settings)
    catalog.create_namespace("lake")
    table = catalog.create_table("lake.table", pa.Table.from_pylist(ROWS).schema)
    for rows in (ROWS[:5], ROWS[5:], [ROWS[0] | {"id": 77}]):
        table.append(pa.Table.from_pylist(rows))
    table.delete("id = 77")
    catalog.close()
    return str(folder / "lake" / "table")


@pytest.mark.parametrize("made", [parquet, delta, iceberg])
def test_rows_come_in_the_order_of_their_times(tmp_path: Path, made: Any) -> None:
    name = made(tmp_path)
    assert is_file_name(name)
    events = list(timed(open_file(name), "when").read())
    assert [event.fields for event in events] == [event.fields for event in EXPECTED]
    times = [event.timestamp or 0 for event in events]
    assert times == sorted(times)
    assert times[-1] == 1_795_867_200_000
    assert {event.fields["id"] for event in open_file(name).read()} == set(range(9))


def test_a_version_of_an_iceberg_table_is_named_by_its_metadata(tmp_path: Path) -> None:
    name = iceberg(tmp_path)
    newest = max((Path(name) / "metadata").glob("*.metadata.json"))
    assert kind_of(str(newest)) == "iceberg"
    assert len(list(open_file(str(newest)).read())) == 9
    other = newest.with_name(newest.name.partition("-")[0] + "-other.metadata.json")
    other.write_bytes(newest.read_bytes())
    with pytest.raises(SourceError, match="only the catalog knows which one is the table"):
        list(open_file(name).read())


def test_a_time_that_is_none_is_refused(tmp_path: Path) -> None:
    name = parquet(tmp_path)
    with pytest.raises(SourceError, match=r'table: has no field "then"'):
        list(timed(open_file(name), "then").read())


def test_a_folder_without_a_table_is_none(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert kind_of(str(tmp_path / "empty")) is None
    assert not is_file_name(str(tmp_path / "empty"))
    with pytest.raises(SourceError, match="or be a folder of a Delta, Iceberg or Parquet table"):
        open_file(str(tmp_path / "empty"))
