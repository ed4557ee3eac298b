"""Pickle, for a user's own classes that cannot say their state as data.

Reading a pickle runs what it says. So it is read only after the seal was checked with a key,
and only where the pipeline file names the modules of the classes.
"""

from __future__ import annotations

import pickle  # nosec B403 # see above
from collections.abc import Sequence
from typing import Any

from learners.errors import ForbiddenClass, NotSnapshotable, SignatureMissing, SnapshotDamaged

WAY_OUT = (
    "give it the methods dump_state() and load_state(state), or set snapshots.allow to its"
    " module and RIVERRUN_SNAPSHOT_KEY to a key"
)


def require_allowed(foreign: Sequence[str], allow: Sequence[str]) -> None:
    """Refuse names outside the modules in `allow`. Raises ForbiddenClass."""
    for name in foreign:
        if not any(name.startswith(module + ".") for module in allow):
            raise ForbiddenClass(f"{name} cannot be saved as data: {WAY_OUT}")


def dumps(estimator: Any, key: bytes | None) -> bytes:
    """The pickle. Raises NotSnapshotable, or SignatureMissing without a key."""
    _require_key(estimator, key)
    try:
        return pickle.dumps(estimator, protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
        kind = type(estimator).__name__
        raise NotSnapshotable(f"{kind} cannot be pickled: {error}") from error


def loads(data: bytes, key: bytes | None) -> Any:
    """What was pickled. `data` must have been found to be signed with `key`.

    Raises SignatureMissing without a key, and SnapshotDamaged.
    """
    _require_key(None, key)
    try:
        return pickle.loads(data)  # nosec B301 # signed, and allowed
    except Exception as error:
        raise SnapshotDamaged(f"{type(error).__name__}: {error}") from error


def _require_key(estimator: Any, key: bytes | None) -> None:
    if key is None:
        what = "a learner of your own" if estimator is None else type(estimator).__name__
        raise SignatureMissing(f"{what} is saved with pickle, and there is no key: {WAY_OUT}")
