"""What is wrong with a stored state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from app.errors import RiverrunError

SHOWN = 3
"""How many flaws an error names; `riverrun state check` names all."""


class Flaw(NamedTuple):
    """Something of a stored state that is not as it was written.

    Attributes:
        what: That is wrong.
        key: Of the record; None where it cannot be told which one it is.
        offset: Of that record; None where it is gone, or not known.
    """

    what: str
    key: str | None = None
    offset: int | None = None

    def at(self, place: str) -> str:
        """In one line, with its coordinates.

        Args:
            place: The topic and the partition.
        """
        where = place if self.offset is None else f"{place}@{self.offset}"
        return (
            f"{where}: {self.what}" if self.key is None else f"{where}: {self.key!r}: {self.what}"
        )


class StateDamaged(RiverrunError):
    """A stored state is not what was written.

    Args:
        place: The topic and the partition.
        flaws: All that is wrong.
    """

    def __init__(self, place: str, flaws: Sequence[Flaw]) -> None:
        said = [flaw.at(place) for flaw in flaws[:SHOWN]]
        more = [f"and {len(flaws) - SHOWN} more"] if len(flaws) > SHOWN else []
        super().__init__("; ".join([*said, *more]))
        self.flaws = tuple(flaws)
