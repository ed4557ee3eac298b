"""The record of a state that says where it stands, and what the rest of it must be.

It is written last in each transaction, so that nothing of the state may come after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgpack

from agents.state import Checksum
from app.worker.state.inventory import NOTHING, Extent
from app.worker.state.layout import LAYOUT

OLDER = (
    "this version of riverrun reads 4. Export the model with the version that wrote it"
    " (`riverrun model export`), give the pipeline a new name, and `riverrun model import` it"
    " there; or go on with that version"
)


class PositionUnreadable(ValueError):
    """The bytes are no position, or one of a later version."""


class OlderLayout(PositionUnreadable):
    """The state was written by an older version, with other records."""


class SavedModel(NamedTuple):
    """Which model belongs to a position.

    Attributes:
        learned: Events that it had learned.
        sha256: Of its snapshot.
    """

    learned: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Position:
    """Where a state stands.

    Attributes:
        offsets: By input topic: it is done up to here, exclusive.
        topics: The id of each input topic, as Kafka made it; where it is known.
        model: The model that belongs to it; None where none was saved yet.
        checksum: Of all entries but the model and this one; None where nothing was written yet.
        extent: Which records of log and base there must be.
        published: By output topic: offsets of events from here on whose outputs are there
            already, as pairs of the first one and the one after the last. `state repair` names
            them where it goes back.
        since: By output topic and its partition: what lies before is of a topic of events that
            was deleted and created again.
    """

    offsets: Mapping[str, int]
    topics: Mapping[str, str] = field(default_factory=dict)
    model: SavedModel | None = None
    checksum: Checksum | None = None
    published: Mapping[str, Sequence[Sequence[int]]] = field(default_factory=dict)
    since: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    extent: Extent = NOTHING

    def encode(self) -> bytes:
        """The value of the record; ``decode`` reads it."""
        content = {
            "offsets": dict(self.offsets),
            "topics": dict(self.topics),
            "model": self.model,
            "entries": self.checksum,
            "records": self.extent,
            "published": dict(self.published),
            "since": {topic: list(at.items()) for topic, at in self.since.items()},
        }
        encoded: bytes = msgpack.packb([LAYOUT, content])
        return encoded

    @classmethod
    def decode(cls, value: bytes) -> Position:
        """A position of this layout.

        Raises:
            OlderLayout: when it is of an earlier one.
            PositionUnreadable: when it is none.
        """
        try:
            said = msgpack.unpackb(value)
            layout, content = (1, said) if isinstance(said, dict) else said
            if layout == LAYOUT:
                return cls._of(content)
        except Exception as error:
            raise PositionUnreadable(f"it is no position ({type(error).__name__})") from error
        if layout in range(1, LAYOUT):
            raise OlderLayout(f"the state is of layout {layout}, {OLDER}")
        raise PositionUnreadable(f"its layout is {layout!r}; this version reads {LAYOUT}")

    @classmethod
    def _of(cls, content: Mapping[str, Any]) -> Position:
        model, entries = content["model"], content["entries"]
        return cls(
            dict(content["offsets"]),
            dict(content["topics"]),
            None if model is None else SavedModel(*model),
            None if entries is None else Checksum(*entries),
            dict(content["published"]),
            {topic: dict(at) for topic, at in content["since"].items()},
            Extent(*content["records"]),
        )
