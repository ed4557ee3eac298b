"""Pickle for River's estimators, read back through a list of what may be named.

The list bounds what a tampered snapshot can do; it is no proof against a clever one. Where
others can write to the state topic, configure a key: then nothing is unpickled that was
not signed with it.
"""

from __future__ import annotations

import importlib
import inspect
import io
import pickle
import random
from collections.abc import Sequence
from typing import Any

from learners.errors import ForbiddenClass, NotSnapshotable, SnapshotDamaged
from learners.unseeded import is_unseeded, rebuild, reduced

NAMES = {
    "builtins": {
        "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "iter",
        "list", "object", "range", "set", "slice", "str", "tuple",
    },
    "collections": {"ChainMap", "Counter", "OrderedDict", "defaultdict", "deque"},
    "copy": {"deepcopy"},
    "copyreg": {"_reconstructor"},
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "functools": {"partial"},
    "itertools": {"count"},
    "learners.unseeded": {"rebuild"},
    "numpy": {"array", "dtype", "ndarray", "ones", "zeros"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.numeric": {"_frombuffer"},
    "numpy.random._mt19937": {"MT19937"},
    "numpy.random._pcg64": {"PCG64"},
    "numpy.random._pickle": {"__bit_generator_ctor", "__generator_ctor", "__randomstate_ctor"},
    "numpy.random.bit_generator": {"SeedSequence", "__pyx_unpickle_SeedSequence"},
    "random": {"Random"},
    "statistics": {"NormalDist"},
}  # fmt: skip
# These read files or the network, or run code that they are given.
CLOSED = ("river.checks", "river.datasets", "river.evaluate", "river.stream")


def dumps(estimator: Any) -> bytes:
    """The pickle of an estimator, without the generators that nothing draws from.

    Raises NotSnapshotable.
    """
    out = io.BytesIO()
    try:
        _Pickler(out, protocol=5).dump(estimator)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
        kind = type(estimator).__name__
        raise NotSnapshotable(f"{kind} cannot be pickled: {error}") from error
    return out.getvalue()


def loads(data: bytes, allow: Sequence[str] = ()) -> Any:
    """The estimator again. `allow` names further modules, each with all that lies below it.

    Raises ForbiddenClass, or SnapshotDamaged for what is no pickle.
    """
    try:
        return _Unpickler(data, allow).load()
    except ForbiddenClass:
        raise
    except Exception as error:
        raise SnapshotDamaged(f"{type(error).__name__}: {error}") from error


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        return reduced(obj) if is_unseeded(obj) else NotImplemented


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, allow: Sequence[str]) -> None:
        super().__init__(io.BytesIO(data))
        self._allow = tuple(allow)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("builtins", "getattr"):
            return _method
        if (module, name) == ("learners.unseeded", "rebuild"):
            return rebuild
        if name in NAMES.get(module, ()):
            return getattr(importlib.import_module(module), name)
        if _below(module, self._allow) or _is_open(module):
            return self._resolve(module, name)
        raise ForbiddenClass(f"{module}.{name} is not on the list of what a snapshot may name")

    def _resolve(self, module: str, name: str) -> Any:
        try:
            found: Any = importlib.import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError) as error:
            raise ForbiddenClass(f"{module}.{name}: {error}") from error
        # What a module has merely imported is not its own: river.x.os is os.
        home = getattr(found, "__module__", None) or ""
        own = _is_open(home) or _below(home, self._allow)
        if not own or not (inspect.isclass(found) or inspect.isroutine(found)):
            raise ForbiddenClass(f"{module}.{name} is no class or function of {module}")
        return found


def _is_open(module: str) -> bool:
    return _below(module, ("river",)) and not _below(module, CLOSED)


def _below(module: str, roots: Sequence[str]) -> bool:
    return any(module == root or module.startswith(root + ".") for root in roots)


def _method(owner: Any, name: str) -> Any:
    """Stands for getattr, which pickle writes for a bound method."""
    home = owner.__module__ if inspect.isclass(owner) else type(owner).__module__
    known = owner is str or type(owner) is random.Random or _is_open(home)
    found = getattr(owner, name) if known and not name.startswith("__") else None
    if found is None or not inspect.isroutine(found):
        raise ForbiddenClass(f"the attribute {name} of {type(owner).__name__}")
    return found
