"""Feature functions of the suite, named in pipeline files."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

HANG = "CHAOS_HANG"
"""The variable that names a file; while it is there, a function hangs."""


def fussy(event: dict[str, Any]) -> dict[str, float]:
    """Makes a feature, and fails for some events."""
    if event["x0"] > 1.5:
        raise ValueError("more than it can take")
    return {"x0_squared": event["x0"] ** 2}


def sleepy(event: dict[str, Any]) -> dict[str, float]:
    """Makes a feature, and hangs while a file is there."""
    while HANG in os.environ and Path(os.environ[HANG]).exists():
        time.sleep(0.1)
    return {"x0_squared": event["x0"] ** 2}
