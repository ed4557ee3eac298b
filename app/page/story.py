"""What a demo tells beside the records: its title, its headline, its account and its events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

VARIABLE = "RIVERRUN_PAGE_STORY"
"""Names the file in the environment of a worker."""


class Story:
    """Reads a file that is replaced whole whenever something new is to be told.

    Args:
        file: Where it is; None: nothing is told.
    """

    def __init__(self, file: str | None) -> None:
        self._file = Path(file) if file else None
        self._changed = 0
        self._said: dict[str, Any] | None = None

    def said(self) -> dict[str, Any] | None:
        """What was told last; None before anything was."""
        if self._file is None:
            return None
        try:
            changed = self._file.stat().st_mtime_ns
            if changed != self._changed:
                self._said, self._changed = json.loads(self._file.read_bytes()), changed
        except (OSError, ValueError):
            pass  # not there yet, or gone at the end of the demo
        return self._said
