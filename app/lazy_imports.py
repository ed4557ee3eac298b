"""Modules of riverrun that are imported when something of them is asked for first."""

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

OURS = ("app", "agents", "learners", "topics")


@contextmanager
def lazily() -> Iterator[None]:
    """In here, ``from app import inspection`` imports nothing yet: that waits for the first use.

    ``from app.inspection import inspect`` is such a use. For command lines, whose help is to be
    quick: NumPy, Numba and River take longer to import than most commands take. What a module
    imports when it is used later is not lazy.
    """
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Finder(MetaPathFinder):
    """Finds our modules as the other finders do, and has them loaded later."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in OURS:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None and isinstance(spec.loader, Loader):
                spec.loader = importlib.util.LazyLoader(spec.loader)
                return spec
        return None
