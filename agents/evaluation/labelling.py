"""The loop over what becomes known of the events of a window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learners.engine.kernels import Floats, Ints, kernel

OPEN, LABELLED, DROPPED = range(3)
"""Of an event nothing is known yet, or its label is, or it will get none."""


@kernel
def label_rows(
    rows: Ints, labels: Floats, status: NDArray[np.uint8], known: Floats, chunk: int, labelled: Ints
) -> int:
    """Note one thing after another; how many events are open no more.

    Args:
        rows: Of the events.
        labels: NaN: there will be none.
        status: Of all events of the window.
        known: Their labels.
        chunk: So many events make one.
        labelled: By the chunk: counts what was new.
    """
    closed = 0
    for i in range(rows.shape[0]):
        row, label = rows[i], labels[i]
        if label != label:
            if status[row] != OPEN:
                continue
        elif status[row] == LABELLED and known[row] == label:
            continue
        closed += status[row] == OPEN
        status[row] = LABELLED if label == label else DROPPED
        if label == label:
            known[row] = label
        labelled[row // chunk] += 1
    return closed
