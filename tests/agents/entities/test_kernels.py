from __future__ import annotations

import pytest

from tests.without_numba import WAYS, assert_the_same

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


@pytest.mark.parametrize(("way", "environment"), WAYS)
def test_without_numba_the_same_comes_out(way: str, environment: dict[str, str]) -> None:
    assert_the_same(PROGRAM, way, environment)
