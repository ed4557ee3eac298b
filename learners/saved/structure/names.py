"""What a saved estimator may name: River's classes, some callables, what its pipeline holds."""

from __future__ import annotations

import collections
import copy
import functools
import importlib
import pkgutil
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from learners.errors import ForbiddenClass

# These read files or the network, or run what they are given; none of them is part of a model.
CLOSED = {"checks", "compat", "conftest", "datasets", "envs", "evaluate", "stream", "time_series"}
BUILTINS: dict[str, Any] = {
    f"{kind.__module__}.{kind.__qualname__}": kind
    for kind in (
        *(bool, dict, float, frozenset, int, list, set, str, tuple),
        *(collections.Counter, collections.OrderedDict, collections.defaultdict),
        collections.deque,
    )
}
FUNCTIONS = {
    "river._river_rust.vectordict.euclidean_distance_dict",
    "river._river_rust.vectordict.euclidean_distance_tuple",
    "river.base.base.Base.clone",
    "river.drift.dummy.DummyDriftDetector._fixed_trigger",
    "river.drift.dummy.DummyDriftDetector._random_trigger",
    "river.ensemble.bagging.LeveragingBaggingClassifier._leveraging_bag",
    "river.ensemble.bagging.LeveragingBaggingClassifier._leveraging_bag_half",
    "river.ensemble.bagging.LeveragingBaggingClassifier._leveraging_bag_me",
    "river.ensemble.bagging.LeveragingBaggingClassifier._leveraging_bag_wt",
    "river.ensemble.bagging.LeveragingBaggingClassifier._leveraging_subag",
    "river.forest.online_extra_trees.ExtraTrees._detection_mode_all",
    "river.forest.online_extra_trees.ExtraTrees._detection_mode_drop",
    "river.forest.online_extra_trees.ExtraTrees._detection_mode_off",
    "river.linear_model.pa.BasePA._calc_tau_0",
    "river.linear_model.pa.BasePA._calc_tau_1",
    "river.linear_model.pa.BasePA._calc_tau_2",
    "river.multiclass.occ.OutputCodeClassifier._next_code",
    "river.naive_bayes.gaussian.GaussianNB._make_gaussian",
    "river.preprocessing.scale_target.TargetMinMaxScaler._scale",
    "river.preprocessing.scale_target.TargetMinMaxScaler._unscale",
    "river.preprocessing.scale_target.TargetStandardScaler._scale",
    "river.preprocessing.scale_target.TargetStandardScaler._unscale",
    "river.tree.splitter.ebst_splitter.EBSTNode._update_estimator_multivariate",
    "river.tree.splitter.ebst_splitter.EBSTNode._update_estimator_univariate",
    "river.tree.splitter.nominal_splitter_reg.NominalSplitterReg._update_estimator_multivariate",
    "river.tree.splitter.nominal_splitter_reg.NominalSplitterReg._update_estimator_univariate",
    "river.tree.splitter.qo_splitter.Slot._update_estimator_multivariate",
    "river.tree.splitter.qo_splitter.Slot._update_estimator_univariate",
}
"""Functions of River's that its estimators keep, alone or bound to a part of themselves."""


@dataclass
class Names:
    """What an estimator as its pipeline makes it holds beyond River's.

    Attributes
    ----------
    classes
        Of the user's, with `dump_state` and `load_state`, by their names.
    functions
        By their names.
    foreign
        What cannot be saved as data: names of classes and functions.
    """

    classes: dict[str, type] = field(default_factory=dict)
    functions: dict[str, Any] = field(default_factory=dict)
    foreign: list[str] = field(default_factory=list)

    def find_class(self, name: str) -> type:
        """River's, or one of the pipeline's own. Raises ForbiddenClass."""
        return self.classes.get(name) or rivers_class(name)

    def find_callable(self, name: str) -> Any:
        """A class or a function that is stored for its own sake. Raises ForbiddenClass."""
        if name in self.functions:
            return self.functions[name]
        if name == "copy.deepcopy":
            return copy.deepcopy
        if name in FUNCTIONS:
            return _function(name)
        return BUILTINS[name] if name in BUILTINS else self.find_class(name)


def name_of(value: Any) -> str:
    """Module and qualified name of a class or function."""
    # Methods of built-in types, such as str.lower, have no module.
    return f"{getattr(value, '__module__', None) or 'builtins'}.{value.__qualname__}"


@functools.cache
def is_rivers(kind: type) -> bool:
    """Whether a class is one of those that a snapshot may name."""
    return kind.__module__ in modules()


def rivers_class(name: str) -> type:
    """A class that one of River's open modules defines. Raises ForbiddenClass."""
    found = _found(name)
    if not isinstance(found, type) or name_of(found) != name or not is_rivers(found):
        raise ForbiddenClass(f"{name} is not on the list of what a snapshot may name")
    return found


def _function(name: str) -> Any:
    if name.startswith("river._river_rust.vectordict."):
        from river.utils import vectordict

        return getattr(vectordict, name.rpartition(".")[2])
    return _found(name)


@functools.cache
def _found(name: str) -> Any:
    """What an open module has under a name; None if there is none."""
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:cut])
        if module in modules():
            found: Any = importlib.import_module(module)
            for part in parts[cut:]:
                found = getattr(found, part, None)
                if isinstance(found, types.ModuleType):
                    return None  # one that the module has merely imported
            return found
    return None


@functools.cache
def modules() -> frozenset[str]:
    """River's modules whose classes are parts of models."""
    import river

    return frozenset(_below(river.__path__, "river"))


def _below(path: Any, package: str) -> Iterator[str]:
    for module in pkgutil.iter_modules(path):
        if module.name in CLOSED or module.name.startswith(("test", "_")):
            continue
        name = f"{package}.{module.name}"
        yield name
        if module.ispkg:
            yield from _below([f"{part}/{module.name}" for part in path], name)
