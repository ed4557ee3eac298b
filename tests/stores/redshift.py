"""A stand-in for Redshift: PostgreSQL, which has all that the sink uses, and more.

It shows transactions, locks and MERGE. It does not show Redshift's isolation, its keys that are
not enforced, or how it reads types.
"""

from __future__ import annotations

import re
from typing import Any

from app.sinks.store import Store
from tests.stores.postgresql import PostgreSQL
from tests.stores.servers import Server

LOGGED: dict[str, Any] = {"options": "-c log_statement=all"}
MISSING = re.compile(
    r"\b(COPY|ON CONFLICT|RETURNING|pg_advisory\w*|to_regclass|jsonb|TRUNCATE|DEALLOCATE)\b"
    r'|" text\b',
    re.IGNORECASE,
)
"""What Redshift does not have, or, as TRUNCATE and the short `text`, has in another meaning."""


class Redshift(PostgreSQL):
    """One table; what is asked of the server is in its log."""

    def __init__(self, url: str, table: str) -> None:
        super().__init__(url, table)
        self.sink = {"type": "redshift", "url": url, "table": table, "options": LOGGED}

    def open(self, identity: str = "sink/topic") -> Store:
        from app.sinks.stores.redshift import RedshiftStore

        return RedshiftStore(self.url, self.table, f"{self.table} {identity}", LOGGED)


def statements(server: Server) -> list[str]:
    """What the sinks of Redshift have asked of the server."""
    lines = server.log_file.read_text(errors="replace").splitlines()
    found = (re.search(r"LOG:  (?:statement|execute [^:]*): (.*)", line) for line in lines)
    return [each[1] for each in found if each]
