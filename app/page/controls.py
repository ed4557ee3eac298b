"""What a demo lets the visitors of its page do: a button on the page, a line in a file."""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection
from enum import IntEnum
from pathlib import Path

from aiohttp import web
from yarl import URL

VARIABLE = "RIVERRUN_PAGE_CONTROLS"
"""Names the file in the environment of a worker."""
HEADER = "X-Riverrun-Token"
MAX_BYTES = 65_536
"""Of all orders in the life of a demo."""


class Answer(IntEnum):
    """What becomes of an order, as a status of HTTP."""

    TAKEN = 202
    FORBIDDEN = 403
    UNKNOWN = 404
    TOO_MANY = 429


class Controls:
    """Takes orders from the page itself, and from no other site.

    A page of another site can send a POST to loopback too. It cannot read the token, which is on
    the stream of this page alone, and may not set a header of its own without being asked; and
    its `Origin` is another.

    Args:
        file: Where the demo reads its orders, a line each; it must be there. None: no orders.
    """

    def __init__(self, file: str | None) -> None:
        self._file = Path(file) if file else None
        self.token = secrets.token_urlsafe(24) if file else None

    def take(self, request: web.Request, order: str, known: Collection[str]) -> Answer:
        """Write the order down, if it is one of those that are offered now."""
        if self._file is None:
            return Answer.UNKNOWN
        if not self._is_own(request):
            return Answer.FORBIDDEN
        if order not in known:
            return Answer.UNKNOWN
        try:
            if self._file.stat().st_size > MAX_BYTES:
                return Answer.TOO_MANY
            file = os.open(self._file, os.O_WRONLY | os.O_APPEND)
        except OSError:  # the demo is over
            return Answer.UNKNOWN
        with os.fdopen(file, "ab", buffering=0) as appended:
            appended.write(f"{order}\n".encode())
        return Answer.TAKEN

    def _is_own(self, request: web.Request) -> bool:
        origin, token = request.headers.get("Origin", ""), request.headers.get(HEADER, "")
        if self.token is None or not secrets.compare_digest(token.encode(), self.token.encode()):
            return False
        try:
            return URL(origin) == URL(f"http://{request.headers.get('Host', '')}")
        except ValueError:
            return False
