"""The stores that run in the process of a test: files on this machine."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from app.sinks.store import Store


class Parquet:
    """A folder of Parquet files."""

    fences = True

    def __init__(self, folder: Path | str, options: dict[str, Any] | None = None) -> None:
        pytest.importorskip("pyarrow")
        self._url, self._options = str(folder), options or {}

    @property
    def sink(self) -> dict[str, Any]:
        """The table [sinks.NAME] of the same table."""
        return {"type": "parquet", "url": self._url, "table": "table"} | _options(self._options)

    def open(self, identity: str = "sink/topic") -> Store:
        from app.sinks.stores.parquet import ParquetStore

        return ParquetStore(self._url, "table", identity, self._options)

    def rows(self) -> list[dict[str, Any]]:
        import pyarrow.parquet as pq

        from app.files import open_folder

        folder, found = open_folder(f"{self._url}/table", self._options), []
        for name in folder.names():
            with folder.open(name) as file:
                found += pq.read_table(file).to_pylist()
        return [plain(row) for row in found]


class Delta:
    """A Delta table."""

    fences = True

    def __init__(self, folder: Path | str, options: dict[str, Any] | None = None) -> None:
        pytest.importorskip("deltalake")
        self._url, self._options = str(folder), options or {}

    @property
    def sink(self) -> dict[str, Any]:
        """The table [sinks.NAME] of the same table."""
        return {"type": "delta", "url": self._url, "table": "table"} | _options(self._options)

    def open(self, identity: str = "sink/topic") -> Store:
        from app.sinks.stores.delta import DeltaStore

        return DeltaStore(self._url, "table", identity, self._options)

    def rows(self) -> list[dict[str, Any]]:
        import pyarrow as pa
        from deltalake import DeltaTable

        table = DeltaTable(f"{self._url}/table", storage_options=self._options)
        found = pa.table(table.to_pyarrow_table()).to_pylist()
        return [plain(row) for row in found]


class Iceberg:
    """An Iceberg table, its catalog in SQLite."""

    fences = True

    def __init__(self, folder: Path) -> None:
        pytest.importorskip("pyiceberg")
        self._url = f"sqlite:///{folder}/catalog.db"
        self._options = {"warehouse": f"file://{folder}/warehouse", "type": "sql"}

    @property
    def sink(self) -> dict[str, Any]:
        """The table [sinks.NAME] of the same table."""
        return {"type": "iceberg", "url": self._url, "table": "ours.table"} | _options(
            self._options
        )

    def open(self, identity: str = "sink/topic") -> Store:
        from app.sinks.stores.iceberg import IcebergStore

        return IcebergStore(self._url, "ours.table", identity, self._options)

    def rows(self) -> list[dict[str, Any]]:
        from pyiceberg.catalog import load_catalog

        catalog = load_catalog("ours", uri=self._url, **self._options)
        found = catalog.load_table("ours.table").scan().to_arrow().to_pylist()
        catalog.close()
        return [plain(row) for row in found]


def _options(options: dict[str, Any]) -> dict[str, Any]:
    return {"options": options} if options else {}


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its times in milliseconds."""
    return {name: _milliseconds(value) for name, value in row.items()}


def _milliseconds(value: Any) -> Any:
    return round(value.timestamp() * 1000) if isinstance(value, datetime) else value
