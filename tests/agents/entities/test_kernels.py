from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
if sys.argv[1] == "absent":
    sys.modules["numba"] = None
import hashlib
from agents.entities import kernels
from tests.agents.entities.reference import DAY, run, stream
from tests.agents.entities.test_entities import TABLES
assert hasattr(kernels.advance, "py_func") == (sys.argv[1] == "compiled")
ops = stream(200, late=10 * DAY)
for op in ops[::9]:
    op.fields["amount"] = 1e300
got, state = run(TABLES, ops, cut=50)
for row in got:
    print({name: value.hex() for name, value in row.items()})
print({key: hashlib.sha256(value).hexdigest() for key, value in state.items()})
"""


def printed(way: str, **environment: str) -> str:
    command = [sys.executable, "-W", "error", "-c", PROGRAM, way]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("way", "environment"), [("absent", {}), ("switched off", {"NUMBA_DISABLE_JIT": "1"})]
)
def test_without_numba_the_same_comes_out(way: str, environment: dict[str, str]) -> None:
    pytest.importorskip("numba")
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        pytest.skip("this run is without compiled code")
    assert printed(way, **environment) == printed("compiled")
