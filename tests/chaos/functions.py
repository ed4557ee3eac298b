"""Feature functions of the suite, named in pipeline files."""

from __future__ import annotations

from typing import Any


def fussy(event: dict[str, Any]) -> dict[str, float]:
    """Makes a feature, and fails for some events."""
    if event["x0"] > 1.5:
        raise ValueError("more than it can take")
    return {"x0_squared": event["x0"] ** 2}
