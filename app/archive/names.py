"""The names of archived models.

    PIPELINE/00003/20261128T135600Z-0000000001234-SHA256.riverrun

is the model of partition 3 as it was read then, up to offset 1234 of the events of its stage, and
the SHA-256 of the whole file. What lies there under another name is left alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

_TIME = "%Y%m%dT%H%M%SZ"
_DRAFT = re.compile(r"(.+/)\.([^/]+)\.[0-9a-f]{32}")
"""A file that is being written aside; see `app.files.local.draft_of`."""
_NAME = re.compile(r"(.+)/(\d{5,})/(\d{8}T\d{6}Z)-(\d{13,})-([0-9a-f]{64})\.riverrun")


@dataclass(frozen=True, order=True)
class Archived:
    """One archived model; they are ordered by partition, time and offset.

    Attributes:
        partition: Whose model.
        time: When it was archived, in UTC and whole seconds.
        offset: It had learned the events below it.
        sha256: Of the file, in hexadecimal digits.
        pipeline: The name of the pipeline.
    """

    partition: int
    time: datetime
    offset: int
    sha256: str
    pipeline: str

    @property
    def name(self) -> str:
        """Of the file."""
        time = self.time.strftime(_TIME)
        place = f"{self.pipeline}/{self.partition:05d}"
        return f"{place}/{time}-{self.offset:013d}-{self.sha256}.riverrun"


def digest(data: bytes) -> str:
    """As it stands in a name."""
    return hashlib.sha256(data).hexdigest()


def archived(names: Iterable[str]) -> list[Archived]:
    """What file names say, in order; other names are left out."""
    return sorted(
        Archived(
            int(found[2]),
            datetime.strptime(found[3], _TIME).replace(tzinfo=UTC),
            int(found[4]),
            found[5],
            found[1],
        )
        for found in map(_NAME.fullmatch, names)
        if found is not None
    )


def draft(name: str) -> Archived | None:
    """The archived model that a draft was to be; None for the draft of anything else."""
    found = _DRAFT.fullmatch(name)
    return next(iter(archived([found[1] + found[2]])), None) if found else None
