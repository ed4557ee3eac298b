"""What learners of one's own say to a snapshot."""

from __future__ import annotations

from typing import Any


class Saved:
    """All attributes, as they are."""

    def dump_state(self) -> dict[str, Any]:
        return vars(self)

    def load_state(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
