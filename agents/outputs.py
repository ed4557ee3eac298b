"""What an agent returns for a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from agents.errors import Refusal
from agents.forwarded import Forwarded
from agents.shared.rows import ForwardedRows
from agents.shared.scores import ForwardedScores
from topics.records import Outgoing

Pair = tuple[bytes | None, bytes]
"""Key and value of a prediction."""

Refused = Mapping[Refusal, Exception]
"""What could not be learned, and why."""

NOTHING_REFUSED: Refused = MappingProxyType({})


@dataclass(slots=True)
class Outputs:
    """What came of a batch.

    Attributes:
        predictions: Keys and values, in the order of the events.
        dead_letters: One for each record that was set aside.
        learned: How many events were learned.
        others: Alerts and metrics, and records for the next stage.
        forwarded: What goes to the next stage, before it is records.
        rows: Labelled rows that go to the learner, where it is another stage.
        scores: Scored events that go to the stage that decides or evaluates for all partitions.
    """

    predictions: list[Pair] = field(default_factory=list)
    dead_letters: list[Outgoing] = field(default_factory=list)
    learned: int = 0
    others: list[Outgoing] = field(default_factory=list)
    forwarded: Forwarded | None = None
    rows: ForwardedRows | None = None
    scores: ForwardedScores | None = None
