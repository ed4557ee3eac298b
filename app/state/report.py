"""What a check of a state finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class PartitionState:
    """What lies on Kafka of one partition of a stage.

    Attributes:
        stage: The first topic that the stage reads.
        state_topic: Where its state is.
        partition: The number of both.
        committed: By input topic; None where nothing was committed.
        position: By input topic, as the state says it; None where there is no state yet.
        topics: The ids of the inputs that the state names.
        entries: How many it has, besides model and position.
        learned: Events that the model has learned which the position names; None without one.
        sha256: Of that model's snapshot, in hexadecimal digits.
        damage: What is wrong, one line each.
    """

    stage: str
    state_topic: str
    partition: int
    committed: Mapping[str, int | None]
    position: Mapping[str, int] | None = None
    topics: Mapping[str, str] = field(default_factory=dict)
    entries: int = 0
    learned: int | None = None
    sha256: str | None = None
    damage: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether a worker takes it."""
        return not self.damage


@dataclass(frozen=True)
class StateReport:
    """The state of a pipeline.

    Attributes:
        partitions: By stage and number.
        damage: What is wrong with its topics.
        members: Of the group: with a worker that runs, the state may move on while it is read.
    """

    partitions: tuple[PartitionState, ...]
    damage: tuple[str, ...]
    members: int

    @property
    def whole(self) -> bool:
        """Whether a worker takes all of it."""
        return not self.damage and all(each.whole for each in self.partitions)
