"""An emulator of BigQuery: its REST and gRPC interfaces over DuckDB."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.sinks.store import Store
from tests.app.sinks.kits import plain
from tests.stores.servers import Server, listens, ports

PROJECT, DATASET = "riverrun", "tests"
_PROGRAM = """
from bqemulator.storage import engine
from bqemulator.cli import main
Engine = engine.DuckDBEngine

def fetch_arrow(self, sql, parameters=None):
    # A connection for each question: of two at once one would get the other's rows.
    own = self.connection.cursor()
    own.execute("SET TimeZone = 'UTC'")
    found = own.execute(sql, parameters) if parameters else own.execute(sql)
    description = found.description
    return engine._annotate_with_duckdb_types(found.to_arrow_table(), description)

Engine.fetch_arrow = fetch_arrow
# These extensions of DuckDB, for geography, would be downloaded.
Engine._load_spatial = Engine._load_format_extensions = lambda self: None
main()
"""


@contextmanager
def bigquery(folder: Path) -> Iterator[tuple[Server, dict[str, str]]]:
    """A running one with a dataset, and the options by which the sink finds it."""
    pytest.importorskip("bqemulator")
    rest, grpc = ports(2)
    words = [
        *(sys.executable, "-c", _PROGRAM, "start", "--project", PROJECT),
        *("--rest-port", str(rest), "--grpc-port", str(grpc)),
        *("--persistent", "--data-dir", str(folder / "data")),
    ]
    options = {
        "api_endpoint": f"http://127.0.0.1:{rest}",
        "write_endpoint": f"127.0.0.1:{grpc}",
    }
    server = Server(words, lambda: listens(rest) and listens(grpc), folder)
    server.start()
    try:
        client(options).create_dataset(f"{PROJECT}.{DATASET}", exists_ok=True, timeout=30)
        yield server, options
    finally:
        server.stop()


def client(options: dict[str, str]) -> Any:
    """Google's client of the emulator."""
    from google.api_core.client_options import ClientOptions
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.bigquery import Client

    endpoint = ClientOptions(api_endpoint=options["api_endpoint"])
    return Client(PROJECT, credentials=AnonymousCredentials(), client_options=endpoint)


class BigQuery:
    """One table."""

    fences = True

    def __init__(self, options: dict[str, str], table: str) -> None:
        self.options, self.table = options, table
        self._url = f"bigquery://{PROJECT}/{DATASET}"
        self.sink = {"type": "bigquery", "url": self._url, "table": table, "options": options}

    def open(self, identity: str = "sink/topic") -> Store:
        from app.sinks.stores.bigquery import BigQueryStore

        return BigQueryStore(self._url, self.table, identity, self.options)

    def rows(self) -> list[dict[str, Any]]:
        with client(self.options) as asked:
            found = asked.query(f"SELECT * FROM `{PROJECT}.{DATASET}.{self.table}`").result()
            return [plain(dict(row.items())) for row in found]
