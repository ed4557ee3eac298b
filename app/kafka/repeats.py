"""Keeps a log readable while Kafka is away."""

from __future__ import annotations

import logging
import re

SECONDS = 30.0

_NUMBERS = re.compile(r"\d+")
_MANY = 1000


class NotAgain(logging.Filter):
    """Lets a line through once in ``seconds``, whatever numbers it holds.

    Librdkafka logs every attempt of every client to connect: hundreds of lines a minute.

    >>> spared, log = NotAgain(), logging.Logger("kafka")
    >>> spared.filter(log.makeRecord("kafka", 40, "", 0, "failed after 3 ms", (), None))
    True
    >>> spared.filter(log.makeRecord("kafka", 40, "", 0, "failed after 5 ms", (), None))
    False
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        super().__init__()
        self._seconds = seconds
        self._logged: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this was not logged just before."""
        text = _NUMBERS.sub("#", record.getMessage())
        if record.created - self._logged.get(text, -self._seconds) < self._seconds:
            return False
        if len(self._logged) > _MANY:
            self._logged.clear()
        self._logged[text] = record.created
        return True
