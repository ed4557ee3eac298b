from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from learners import scaler
from learners.engine import kernels
from tests.without_numba import WAYS, assert_the_same

PROGRAM = """
import sys
if sys.argv[1] == "absent":
    sys.modules["numba"] = None
from learners import scaler
from learners.checks import data as check_data
from learners.registry import create, names
from learners.steps.registry import STEPS
compiled = hasattr(scaler._scale, "py_func")
assert compiled == (sys.argv[1] == "compiled"), compiled
for name in names():
    needed = {"learner": {"type": "svm"}} if name in ("bagging", "one_vs_rest") else {}
    for params in (needed, {"mode": "pegasos"}) if name == "svm" else (needed,):
        model = create(name, params, scale=True)
        task = model.task
        for events in (check_data.extreme(task), check_data.coming_and_going(task, 150)):
            model.run([x for x, _ in events], [model.check_label(y) for _, y in events])
        print(name, model.fingerprint())
for kind in STEPS:
    model = create("logistic_regression", {}, True, None, [{"type": kind}])
    for events in (check_data.extreme("binary"), check_data.coming_and_going("binary", 150)):
        model.run([x for x, _ in events], [bool(y) for _, y in events])
    print(kind, model.fingerprint())
"""


@pytest.mark.parametrize(("way", "environment"), WAYS)
def test_without_numba_the_same_models_come_out(way: str, environment: dict[str, str]) -> None:
    assert_the_same(PROGRAM, way, environment)


def test_where_nothing_can_be_written_it_compiles_without_a_cache(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuses_a_cache(function: Any = None, cache: bool = False) -> Any:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return ("compiled", function)

    monkeypatch.setattr(kernels, "njit", refuses_a_cache)
    before = pytest.importorskip("numba").config.CACHE_DIR
    kernel: Any = kernels.kernel
    assert kernel(abs) == ("compiled", abs)
    assert before == kernels.config.CACHE_DIR


@pytest.mark.parametrize("changed", ["learners", "agents"])
def test_compiled_code_is_kept_under_a_digest_of_all_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    digest: Any = kernels._digest
    scale: Any = scaler._scale
    learners = Path(kernels.__file__).parents[1]
    if hasattr(scale, "stats"):  # compiled
        assert digest(learners) in scale.stats.cache_path
    for folder in ("learners", "agents"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").write_text("x = 1")
    monkeypatch.setattr(kernels, "_LEARNERS", tmp_path / "learners")
    first = digest.__wrapped__(tmp_path / "agents")
    (tmp_path / changed / "a.py").write_text("x = 2")
    assert digest.__wrapped__(tmp_path / "agents") != first


def test_a_helper_called_from_python_stays_python() -> None:
    assert kernels.clip(1e99) == kernels.LIMIT
    assert not hasattr(kernels.clip, "py_func")
