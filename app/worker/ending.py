"""The end by force, for a worker that does not end by itself in time."""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading
from collections.abc import Callable

log = logging.getLogger("riverrun.worker")

LEAVE_SECONDS = 10.0
"""For a worker that has failed."""
STOP_SECONDS = 25.0
"""A supervisor kills after 30: a worker that cannot stop says so before."""
SPARE_SECONDS = 2.0
"""After so much more the process is ended without Python, which may itself be what hangs."""


class ForcedEnd:
    """Ends the process after a time, unless it is called off.

    Args:
        failure: Why the worker leaves; None where it was only told to stop.
    """

    def __init__(self, failure: Callable[[], BaseException | None]) -> None:
        self._failure = failure
        self._timer: threading.Timer | None = None

    def within(self, seconds: float) -> None:
        """End the process in so many seconds; the first call decides."""
        if self._timer is None:
            self._timer = threading.Timer(seconds, self._end)
            self._timer.daemon = True
            self._timer.start()
            # A thread needs the interpreter's lock. Librdkafka was seen to hang in the destructor
            # of a client, in the last moments of a process, after the wall clock had jumped.
            faulthandler.dump_traceback_later(
                seconds + SPARE_SECONDS, exit=True, file=sys.__stderr__ or sys.stderr
            )

    def call_off(self) -> None:
        """The worker has ended by itself."""
        if self._timer is not None:
            self._timer.cancel()
            faulthandler.cancel_dump_traceback_later()

    def _end(self) -> None:
        """Leave without a goodbye: what was not committed, Kafka rolls back."""
        log.error("%s", self._failure() or f"no clean stop within {STOP_SECONDS:.0f} s")
        os._exit(1)
