"""The source of a later stage: what the stage before has forwarded over Kafka."""

from __future__ import annotations

import numpy as np

from agents.dead_letter_format import DeadLetterFormat
from agents.forwarded_block import NotABlock, OperationBlock, decoded
from agents.operations import Operations
from agents.rejected import Rejected, read_each
from topics.records import Batch


class ForwardedSource:
    """Reads the operations that the stage before has forwarded.

    Args:
        letters: How dead letters are made of it.
    """

    labels = None

    def __init__(self, letters: DeadLetterFormat) -> None:
        self._letters = letters

    def save(self) -> None:
        """Nothing: there is no state."""

    def warm_up(self) -> None:
        """Nothing is compiled."""

    def read(self, batch: Batch) -> tuple[Operations, list[Rejected]]:
        """What these records say; one that no stage has written is set aside.

        Raises:
            BlockRefused: when another version of riverrun has written one.
        """
        records, places = batch.records, batch.places or [0] * len(batch.records)
        rejected: list[Rejected] = []
        found = list(read_each(records, decoded, NotABlock, rejected))
        if not found:
            return Operations.of([], [], []), rejected
        counts = [len(columns.kinds) for _, columns in found]
        at = np.repeat([i for i, _ in found], counts)
        operations = OperationBlock.joined([columns for _, columns in found]).operations(
            [records[i] for i in at.tolist()], np.array(places, np.int64)[at]
        )
        operations.letters = self._letters
        return operations, rejected
