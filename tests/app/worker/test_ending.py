from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import time
from app.worker.ending import ForcedEnd

end = ForcedEnd(lambda: {failure})
end.within(0.05)
{then}
time.sleep({stay})
"""


def run(failure: str, *, then: str = "", stay: float = 30) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(failure=failure, then=then, stay=stay)
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=25, check=False
    )


@pytest.mark.parametrize(
    ("failure", "said"), [("None", "no clean stop"), ("OSError('disk full')", "disk full")]
)
def test_what_does_not_end_is_ended_and_says_why(failure: str, said: str) -> None:
    ended = run(failure)
    assert ended.returncode == 1
    assert said in ended.stderr


def test_an_end_that_was_called_off_does_not_come() -> None:
    assert run("None", then="end.call_off()", stay=0.3).returncode == 0


def test_it_comes_too_where_python_itself_hangs() -> None:
    holds_the_lock = "import ctypes; ctypes.PyDLL(None).sleep(100)"
    assert run("None", then=holds_the_lock).returncode == 1
