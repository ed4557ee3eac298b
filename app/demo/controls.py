"""What visitors of the demo's page ask for, and what the page offers them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from app.demo.holding import LONGEST_DAYS

FRAUD, HOLD, RELEASE, KILL = "fraud", "hold", "release", "kill"

BUTTONS: Mapping[str, tuple[str, str]] = {
    FRAUD: ("Begin a new wave of fraud", "It begins at the next midnight of the stream."),
    HOLD: ("Hold labels back", f"No label comes from now on, for at most {LONGEST_DAYS} days."),
    RELEASE: ("Let the labels come", "All labels that were held back come at once."),
    KILL: ("Kill the worker", "Killed with -9, and started again; this page comes back with it."),
}
"""The text of each order, and what is told when it was given."""


class Orders:
    """Reads the orders that the page writes, a line each; see `app.page.controls`.

    Args:
        file: Made here, empty.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = 0
        file.touch(mode=0o600)

    def new(self) -> list[str]:
        """Those since the last call."""
        with self._file.open("rb") as file:
            file.seek(self._read)
            said = file.read()
        whole = said[: said.rfind(b"\n") + 1]
        self._read += len(whole)
        return whole.decode(errors="replace").split()


def offered(*, is_held: bool, can_kill: bool) -> list[dict[str, object]]:
    """The buttons of the page: the order, its texts, and whether it can be given now."""
    hold = RELEASE if is_held else HOLD
    return [
        {"order": order, "text": BUTTONS[order][0], "said": BUTTONS[order][1], "on": on}
        for order, on in ((FRAUD, True), (hold, True), (KILL, can_kill))
    ]
