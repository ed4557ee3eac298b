"""What was learned of a partition of a stage, and the change that puts it on Kafka."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from agents.outputs import Outputs
from agents.state import Checksum
from agents.store import MemoryStore
from app.kafka.partitions import TP
from app.pipeline.stages import Stage
from app.worker.state.layout import MODEL, POSITION
from app.worker.state.log import StateLog
from app.worker.state.position import Position, SavedModel
from app.worker.tasks import Change
from learners.model import Model
from learners.saved import snapshots
from topics.records import Outgoing


@dataclass(frozen=True)
class Learned:
    """The state of a partition of a stage.

    Attributes:
        stage: Which one.
        partition: Its number.
        entries: All keys and values but model and position.
        model: What learned here; None in other stages, and where it learned nothing.
        marks: The last ones that the partition has published.
    """

    stage: Stage
    partition: int
    entries: Mapping[str, bytes]
    model: Model | None = None
    marks: Sequence[Outgoing] = ()

    def snapshot(self, offsets: Mapping[str, int], key: bytes | None) -> bytes | None:
        """The model, or None where nothing was learned; `key` signs one that needs pickle."""
        if self.model is None or not self.model.learned:
            return None
        return snapshots.dump(self.model, dict(offsets), key=key)

    def change(
        self, offsets: Mapping[str, int], topic_ids: Mapping[str, str], key: bytes | None
    ) -> Change:
        """What a worker would have committed, in one transaction from nothing.

        Args:
            offsets: Where the stream goes on, by input topic; empty behind the first stage.
            topic_ids: Of the inputs, where Kafka has told them.
            key: Signs a model that needs pickle.
        """
        store = MemoryStore(self.entries)
        log = StateLog(store)
        rows, saved = log.rows(self.entries), None
        if self.model is not None and (snapshot := self.snapshot(offsets, key)) is not None:
            rows += log.large(MODEL, snapshot)
            saved = SavedModel(self.model.learned, log.sha256(MODEL, snapshot))
        position = Position(
            offsets=dict(offsets),
            topics={t: topic_ids[t] for t in self.stage.inputs if t in topic_ids},
            model=saved,
            checksum=Checksum.of(self.entries.items()),
            extent=log.extent,
        )
        rows += log.large(POSITION, position.encode())
        outputs = [Outputs(others=list(self.marks))] if self.marks else []
        return Change(self.partition, dict(offsets), outputs, self.stage.state_topic, rows, 0)


def changes(
    states: Sequence[Learned],
    offsets: Mapping[TP, int],
    topic_ids: Mapping[str, str] = MappingProxyType({}),
    snapshot_key: bytes | None = None,
) -> list[Change]:
    """The changes of all states, in one transaction.

    Args:
        states: Of all partitions of all stages.
        offsets: Where the stream goes on, of all inputs of the first stage.
        topic_ids, snapshot_key: See ``Learned.change``.
    """
    return [
        each.change(
            {
                topic: offsets[TP(topic, each.partition)]
                for topic in each.stage.inputs
                if TP(topic, each.partition) in offsets
            },
            topic_ids,
            snapshot_key,
        )
        for each in states
    ]
