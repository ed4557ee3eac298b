"""The part of one partition in a model that all partitions mix."""

from __future__ import annotations

import msgspec

from agents.packing import pack, unpacker
from agents.shared.mark import LAYOUT, Mark
from agents.shared.marks import Marks, MarksRefused
from agents.state import State
from agents.state_keys import MIXED
from learners.mixing import coding
from learners.mixing.coding import NotMixed
from learners.mixing.mixture import Mixed
from learners.model import Model


class _Saved(msgspec.Struct, array_like=True, gc=False):
    """A mixer in the state of its partition; see ``Mixer``."""

    layout: int
    scheme: str
    origin: str
    number: int
    mark: int
    adopted: int | None
    total: int
    mixed: bytes
    interval: int
    own: bytes | None


class Mixer:
    """Says at each mark what its partition has learned, and takes over the model of all.

    When the partition passes mark m, it

    1. publishes what it has learned since the mark before; 2. waits until all partitions have
    passed mark m - 1; 3. takes the model of all at m - 1, with its own change of the interval
    that ends at m on top, which the others get to know only one mark later.

    So who keeps pace never waits. Between 1 and 3 nothing is learned.

    Args:
        partition: Of the events.
        model: The one that it scores and learns with; changed in place.
        state: Of the partition.
        marks: Of all partitions.

    Attributes:
        mark: The last mark that it passed; None before the first.
        number: How many marks it has published.
    """

    def __init__(self, partition: int, model: Model, state: State, marks: Marks) -> None:
        self._partition = partition
        self._model = model
        self._state = state
        self._marks = marks
        self._mixture = marks.mixture
        self.mark: int | None = None
        self.number = 0
        self._adopted: int | None = None
        self._origin: str
        self._base: Mixed
        self._mixed: Mixed
        self._mixed_bytes: bytes
        self._total = 0
        self._own: Mixed | None = None
        self._own_bytes: bytes | None = None
        self._interval = 0
        saved = state.get(MIXED)
        if saved is None:
            self._begin()
        else:
            self._restore(saved)

    def pass_mark(self, mark: int) -> Mark | None:
        """Publish what was learned since the last mark; None where it was passed already."""
        if self.mark is not None and mark <= self.mark:
            return None
        learned = self._model.learned - self._base.count
        change = self._mixture.change(self._base, self._now()) if learned else None
        self._total += learned
        encoded = None if change is None else coding.encode(change)
        terms = self._marks.terms
        made = Mark(
            *(LAYOUT, terms.scheme, self._origin, terms.partitions, self.number),
            *(self.mark, mark, self._total, encoded),
        )
        self._own, self._own_bytes, self._interval = change, encoded, made.interval
        self.mark, self.number = mark, self.number + 1
        self._save()
        return made

    @property
    def waits_for(self) -> int | None:
        """The mark whose model is to be taken over before anything is learned; None for none."""
        if self.mark is None or self._adopted == self.mark - 1:
            return None
        return self.mark - 1

    def adopt(self) -> None:
        """Take over the model of the mark that it waits for; all partitions have passed it."""
        mark = self.waits_for
        assert mark is not None
        self._marks.require_origin(self._origin)
        made = self._marks.mixed(mark, self._mixed, self._adopted)
        self._mixed, self._mixed_bytes = made
        self._adopted = mark
        if self._interval <= mark:
            self._own = self._own_bytes = None
        self._mixture.put(self._model, self._mixture.plus(self._mixed, self._own))
        self._base = self._now()
        self._save()

    def _now(self) -> Mixed:
        return self._mixture.of(self._model)

    def _begin(self) -> None:
        """All partitions begin with one model: a new one, or one that was imported."""
        self._base = self._mixed = self._now()
        self._mixed_bytes = coding.encode(self._mixed)
        self._origin = self._model.fingerprint()

    def _restore(self, value: bytes) -> None:
        saved = _read(value)
        if saved.scheme != self._marks.terms.scheme:
            raise MarksRefused(
                f"the state of partition {self._partition} was made with another [learner] or"
                " another learner.mark: what was learned needs the settings it was learned with"
            )
        self._origin, self.number, self._total = saved.origin, saved.number, saved.total
        self.mark, self._adopted = saved.mark, saved.adopted
        self._mixed, self._interval = coding.decode(saved.mixed), saved.interval
        self._mixed_bytes, self._own_bytes = saved.mixed, saved.own
        self._own = None if saved.own is None else coding.decode(saved.own)
        # As it was put into the model, to the last bit.
        model = self._mixture.new_model()
        self._mixture.put(model, self._mixture.plus(self._mixed, self._own))
        self._base = self._mixture.of(model)

    def _save(self) -> None:
        assert self.mark is not None
        said = _Saved(
            *(LAYOUT, self._marks.terms.scheme, self._origin, self.number, self.mark),
            *(self._adopted, self._total, self._mixed_bytes, self._interval, self._own_bytes),
        )
        self._state.put(MIXED, pack(said))


def own_labels(value: bytes, learned: int) -> int:
    """How many labels a partition has learned by itself, since it began to mix.

    Args:
        value: A mixer in the state of its partition.
        learned: How many its model has learned, those of others among them.

    Raises:
        NotMixed: when it is none.
    """
    saved = _read(value)
    if saved.adopted != saved.mark - 1:  # it waits at its mark, and learns nothing meanwhile
        return saved.total
    own = 0 if saved.own is None else coding.decode(saved.own).count
    return saved.total + learned - coding.decode(saved.mixed).count - own


_unpack = unpacker(_Saved)


def _read(value: bytes) -> _Saved:
    try:
        saved: _Saved = _unpack(value)
    except msgspec.MsgspecError as error:
        raise NotMixed(f"no part in a mixed model: {error}") from error
    return saved
