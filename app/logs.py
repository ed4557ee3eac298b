"""The form of a log, and its bounds."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Literal

from app.terminal import visible

Form = Literal["text", "json"]
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
MOST = 20
SECONDS = 60.0


class AtMost(logging.Filter):
    """Lets so many lines through in a minute, whatever they say, and then says that it does.

    >>> bounded, log = AtMost(most=2), logging.Logger("page")
    >>> said = [log.makeRecord("page", 40, "", 0, text, (), None) for text in "abcd"]
    >>> [record.getMessage() for record in said if bounded.filter(record)]
    ['a', 'b; more lines of this minute are left out']
    """

    def __init__(self, most: int = MOST, seconds: float = SECONDS) -> None:
        super().__init__()
        self._most = most
        self._seconds = seconds
        self._until = 0.0
        self._count = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether there is room in this minute."""
        if record.created >= self._until:
            self._until, self._count = record.created + self._seconds, 0
        self._count += 1
        if self._count == self._most:
            record.msg = f"{record.getMessage()}; more lines of this minute are left out"
            record.args = ()
        return self._count <= self._most


class OneLine(logging.Formatter):
    """One line for each record: what it quotes of events and errors may hold control characters."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line; a traceback comes after it."""
        return visible(super().formatMessage(record), None)


class JsonLines(logging.Formatter):
    """One JSON object on one line for each record, for collectors of logs.

    >>> record = logging.Logger("riverrun.worker").makeRecord(
    ...     "riverrun.worker", logging.INFO, "", 0, "%d events", (7,), None)
    >>> record.created = 0.0
    >>> print(JsonLines().format(record))
    {"time": "1970-01-01T00:00:00.000Z", "level": "info", "logger": "riverrun.worker", "message": "7 events"}
    """  # noqa: E501

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, logger, message, and the traceback of an error."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        said = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return json.dumps(said)


def started_as() -> Form:
    """How this process logs."""
    as_json = any(isinstance(each.formatter, JsonLines) for each in logging.root.handlers)
    return "json" if as_json else "text"


def start(level: str | int, form: Form = "text") -> logging.Handler:
    """Log to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form == "json" else OneLine(FORMAT))
    logging.basicConfig(level=level, handlers=[handler])
    return handler
