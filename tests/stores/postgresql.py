"""PostgreSQL, as the package of the system has it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.sinks.store import Store
from tests.app.sinks.kits import plain
from tests.stores.servers import Server, listens, ports, program


@contextmanager
def postgresql() -> Iterator[tuple[Server, str]]:
    """A running one, and its URL; skipped where it is not installed."""
    # The folders of pytest are for its own user only.
    with tempfile.TemporaryDirectory(prefix="postgresql-") as folder, _in(Path(folder)) as made:
        yield made


@contextmanager
def _in(folder: Path) -> Iterator[tuple[Server, str]]:
    pytest.importorskip("psycopg")
    homes = [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"))]
    initdb = Path(program("initdb", *homes)).resolve()
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    data, (port,) = folder / "data", ports(1)
    folder.chmod(0o755)
    data.mkdir()
    if user is not None:
        import pwd

        os.chown(data, pwd.getpwnam(user).pw_uid, -1)
    more: dict[str, Any] = {"user": user} if user else {}
    made = [
        str(initdb),
        "-D",
        str(data),
        "-A",
        "trust",
        "-U",
        "riverrun",
        "--no-sync",
        "-E",
        "UTF8",
    ]
    subprocess.run(made, check=True, capture_output=True, cwd="/", **more)
    words = [
        *(str(initdb.with_name("postgres")), "-D", str(data), "-p", str(port)),
        *("-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={data}"),
        *("-c", "fsync=off"),  # a killed process loses nothing by it
    ]
    url = f"postgresql://riverrun@127.0.0.1:{port}/postgres"
    server = Server(words, lambda: listens(port) and _answers(url), folder, user)
    server.start()
    try:
        yield server, url
    finally:
        server.stop()


def _answers(url: str) -> bool:
    import psycopg

    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


class PostgreSQL:
    """One table."""

    fences = True

    def __init__(self, url: str, table: str) -> None:
        self.url, self.table = url, table
        self.sink: dict[str, Any] = {"type": "postgresql", "url": url, "table": table}

    def open(self, identity: str = "sink/topic") -> Store:
        from app.sinks.stores.postgresql import PostgreSQLStore

        return PostgreSQLStore(self.url, self.table, f"{self.table} {identity}", {})

    def rows(self) -> list[dict[str, Any]]:
        import psycopg
        from psycopg.rows import dict_row
        from psycopg.types.json import set_json_loads

        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            set_json_loads(lambda data: bytes(data).decode(), connection)
            return [plain(row) for row in connection.execute(f'SELECT * FROM "{self.table}"')]
