"""An estimator as rows of MessagePack.

Every value with parts is a row, by its number: the row's form, then its parts. A part is plain,
or `[number]` of another row, or a pair for a number that MessagePack has no type for. A form is
written before its first row: `[-2, tag, name, attributes...]`. Rows longer than `LONGEST` go
on in `[-1, parts...]`. Row 0 is the estimator.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Any

import msgpack
import numpy as np

from learners.errors import NotSnapshotable
from learners.river.unseeded import is_distribution
from learners.saved.structure import native
from learners.saved.structure.kinds import KINDS, Parts, big, scalar_parts, slots
from learners.saved.structure.names import BUILTINS, FUNCTIONS, Names, is_rivers, name_of

LONGEST = 1024
"""Values in a row: bounds what a reader sets aside for a forged length."""
MORE, FORM = -1, -2
PLAIN = {type(None), bool, int, float, str, bytes}
Form = tuple[Any, ...]
Taken = tuple[Form, Parts]


def dumps(estimator: Any, names: Names) -> bytes:
    """The rows of an estimator.

    Raises NotSnapshotable for what has a part that is neither River's nor plain nor in `names`.
    """
    try:
        return _Writer(Taker(names)).write(estimator)
    except (TypeError, ValueError, OverflowError) as error:
        if isinstance(error, NotSnapshotable):
            raise
        raise NotSnapshotable(f"{type(estimator).__name__} cannot be saved: {error}") from error


def names_in(estimator: Any) -> Names:
    """What a new estimator holds beyond River's."""
    names = Names()
    for _ in parts_of(estimator, names):
        pass
    return names


def parts_of(estimator: Any, names: Names | None = None) -> Iterator[Any]:
    """A new estimator and all that it consists of; what is not River's is added to `names`."""
    names = names or Names()
    taker = Taker(names, learning=True)
    seen: dict[int, Any] = {}
    stack = [estimator]
    while stack:
        value = stack.pop()
        if type(value) in PLAIN or isinstance(value, np.generic) or id(value) in seen:
            continue
        seen[id(value)] = value
        yield value
        try:
            parts = taker(value)[1]
        except (TypeError, ValueError, NotSnapshotable):
            names.foreign.append(name_of(value if hasattr(value, "__qualname__") else type(value)))
            continue
        stack.extend(parts)


class Taker:
    """Takes a value apart: its form and its parts.

    Parameters
    ----------
    names
        What it may hold beyond River's.
    learning
        Whether to add to `names` what is new, where that can be saved.
    """

    def __init__(self, names: Names, learning: bool = False) -> None:
        self._names = names
        self._learning = learning
        self._ways: dict[type, Callable[[Any], Taken]] = {}

    def __call__(self, value: Any) -> Taken:
        """Raises NotSnapshotable, or TypeError for what is no data."""
        kind = type(value)
        way = self._ways.get(kind)
        if way is None:
            way = self._ways[kind] = self._way(kind)
        return way(value)

    def _way(self, kind: type) -> Callable[[Any], Taken]:
        known = KINDS.get(kind) or native.kinds().get(kind)
        if known is not None:
            form, parts = (known.tag, ""), known.parts
            return lambda value: (form, parts(value))
        if is_rivers(kind):
            return _records(kind) if issubclass(kind, tuple) else _objects(kind)
        if kind in (types.MethodType, types.BuiltinMethodType, types.FunctionType):
            return self._function
        if issubclass(kind, type):
            return lambda value: (("name", self._class(value)), ())
        if callable(getattr(kind, "dump_state", None)) and callable(
            getattr(kind, "load_state", None)
        ):
            form = ("own", self._own(kind))
            return lambda value: (form, [value.dump_state()])
        raise NotSnapshotable(f"{name_of(kind)} is none of River's, and has no dump_state")

    def _function(self, value: Any) -> Taken:
        owner = getattr(value, "__self__", None)
        if owner is not None and not isinstance(owner, (type, types.ModuleType)):
            return ("method", ""), [owner, value.__name__]
        name = name_of(value)
        if name not in FUNCTIONS and name != "copy.deepcopy":
            known = self._names.functions
            if self._learning:
                known.setdefault(name, value)
            if known.get(name) is not value:
                raise NotSnapshotable(f"the function {name} is none that the new learner holds")
        return ("name", name), ()

    def _class(self, value: type) -> str:
        name = name_of(value)
        if name in BUILTINS or is_rivers(value) or name in self._names.classes:
            return name
        raise NotSnapshotable(f"the class {name} is none of River's")

    def _own(self, kind: type) -> str:
        name = name_of(kind)
        if self._learning:
            self._names.classes[name] = kind
        if self._names.classes.get(name) is not kind:
            raise NotSnapshotable(f"the class {name} is none that the new learner holds")
        return name


def _records(kind: type) -> Callable[[Any], Taken]:
    """How named tuples of River's are taken apart."""
    form = ("record", name_of(kind))
    return lambda value: (form, list(value))


def _objects(kind: type) -> Callable[[Any], Taken]:
    """How objects of a class of River's are taken apart."""
    form = ("object", name_of(kind))
    slotted = list(slots(kind))
    unseeded, has_rules = is_distribution(kind), form[1] == "river.rules.amrules.AMRules"

    def take(value: Any) -> Taken:
        attributes = getattr(value, "__dict__", {})
        if has_rules:  # their keys are addresses in memory, and only need to differ
            attributes = {**attributes, "_rules": dict(enumerate(value._rules.values()))}
        if unseeded and value.seed is None:
            attributes = {name: part for name, part in attributes.items() if name != "_rng"}
        if not slotted:
            return (*form, *attributes), list(attributes.values())
        there = {name: getattr(value, name) for name in slotted if hasattr(value, name)}
        return (*form, *attributes, *there), [*attributes.values(), *there.values()]

    return take


class _Writer:
    def __init__(self, take: Taker) -> None:
        self._take = take
        self._pack = msgpack.Packer(unicode_errors="surrogatepass").pack
        self._numbers: dict[int, int] = {}
        self._values: list[Any] = []  # an id is only good while its object lives
        self._forms: dict[Form, int] = {}

    def write(self, root: Any) -> bytes:
        self._reference(root)
        out: list[bytes] = []
        forms, take, plain = self._forms, self._take, PLAIN
        for value in self._values:  # grows meanwhile
            form, parts = take(value)
            number = forms.get(form)
            if number is None:
                number = forms[form] = len(forms)
                out.append(self._pack([FORM, *form]))
            row: list[Any] = [number]
            if plain.issuperset(map(type, parts)):
                row += parts
            else:
                row += [part if type(part) in plain else self._encode(part) for part in parts]
            out.append(self._packed(row))
        return b"".join(out)

    def _packed(self, row: list[Any]) -> bytes:
        if len(row) > LONGEST:
            chunks = [row[:LONGEST]]
            step = LONGEST - 1
            chunks += [[MORE, *row[i : i + step]] for i in range(LONGEST, len(row), step)]
            return b"".join(map(self._packed, chunks))
        try:
            packed: bytes = self._pack(row)
        except OverflowError:
            packed = self._pack([big(v) if _is_big(v) else v for v in row])
        return packed

    def _encode(self, value: Any) -> list[Any]:
        return scalar_parts(value) if isinstance(value, np.generic) else self._reference(value)

    def _reference(self, value: Any) -> list[Any]:
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self._values)
            self._values.append(value)
        return [number]


def _is_big(value: Any) -> bool:
    return type(value) is int and not -(2**63) <= value < 2**64
