"""What the model is held against: itself as it was at the start of the window, and a hand rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

import msgpack

from agents import state_keys
from agents.events.functions import load_function, score_events
from agents.operations import Operations
from agents.state import State
from learners.engine.kernels import Ints
from learners.engine.rows import Rows
from learners.model import UNLABELLED, Model
from learners.saved import snapshots

KEY = state_keys.FROZEN
"""Of the state: the start of the window, and the model's snapshot."""


class Frozen:
    """The model as it was at the start of the window: what learning since then is worth.

    Whoever scores cuts its batch before the first event that is `next_due` or later: the
    copy is to be made of the model that has learned all that came before. The copy of a window
    stays until an event of a later window comes. The state has one entry, put once a window.

    Args:
        state: Of the partition.
        model: Whose copies they are.
        window: Length of a window, in milliseconds.
        since: Milliseconds since 1970; the copy of the first window from then on is the last
            one. None: each window has a copy.
        key: Signs and checks the snapshots.
        allow: Modules of the user's whose classes may be pickled.

    Raises:
        SnapshotError: When the copy in `state` cannot be read.
    """

    def __init__(
        self,
        state: State,
        model: Model,
        window: int,
        key: bytes | None = None,
        allow: Sequence[str] = (),
        since: int | None = None,
    ) -> None:
        self._state = state
        self._window = window
        self._since = since
        self._key = key
        self._allow = allow
        self._start: int | None = None
        self._model: Model | None = None
        saved = state.get(KEY)
        if saved is not None:
            self._start, snapshot = msgpack.unpackb(saved)
            self._model, _ = snapshots.load(snapshot, model, key=key, allow=allow)

    @property
    def next_due(self) -> float:
        """A copy is to be made before an event of this time or later, in ms since 1970."""
        if self._start is None:
            return -inf
        is_last = self._since is not None and self._start >= self._since
        return inf if is_last else self._start + self._window

    def freeze(self, model: Model, time: int) -> None:
        """Copy the model for the window of an event of this time.

        Raises:
            NotSnapshotable: For an estimator that cannot be written.
        """
        snapshot = snapshots.dump(model, {}, key=self._key)
        self._start = time - time % self._window
        self._model, _ = snapshots.load(snapshot, model, key=self._key, allow=self._allow)
        self._state.put(KEY, msgpack.packb((self._start, snapshot)))

    def run(self, rows: Rows | Sequence[Mapping[str, Any]]) -> list[Any]:
        """What the copy says of each row: its score, for several classes the class; or None."""
        if self._model is None:
            return [None] * len(rows)
        scored = self._model.run(rows, [UNLABELLED] * len(rows))
        said = scored.predictions if self._model.task == "multiclass" else scored.scores
        return [None if i in scored.failures else value for i, value in enumerate(said)]


class RuleBaseline:
    """A number that ranks an event without a model.

    Args:
        name: The function, as "module:name". It is given the fields of an event, with all the
            features that were added, and returns a number; or the columns of many events.

    Raises:
        UnknownFunction: When there is no such function.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._rule = load_function(name)

    def scores(self, operations: Operations, events: Ints) -> list[float | None]:
        """The number for each event; None where the function fails, or returns another thing."""
        return score_events(operations, events, self._name, self._rule)
