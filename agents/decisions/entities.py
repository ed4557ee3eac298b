"""The entities of a batch of events, by numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from agents.keys import key_of
from learners.engine.kernels import Ints

_PLAIN = {str, int}
"""Types whose values are equal only where their keys are."""


class Entities(NamedTuple):
    """Whose the events of a batch are.

    Attributes:
        numbers: Of the entity of each event, from 0; an event without one has a number of its own.
        keys: By the number; None for an event without an entity.
    """

    numbers: Ints
    keys: Sequence[str | None]

    @classmethod
    def of(cls, entities: Sequence[Any] | None, count: int) -> Entities:
        """Those of so many events, where None stands for no entity, as a whole or for one."""
        if entities is None:
            return cls(np.arange(count), [None] * count)
        if set(map(type, entities)) <= _PLAIN:
            index = dict.fromkeys(entities)
            keys: list[str | None] = [key_of("", entity) for entity in index]
        else:
            entities = [i if e is None else key_of("", e) for i, e in enumerate(entities)]
            index = dict.fromkeys(entities)
            keys = [None if type(key) is int else key for key in index]
        numbers = {entity: number for number, entity in enumerate(index)}
        return cls(np.array([numbers[entity] for entity in entities], np.int64), keys)
