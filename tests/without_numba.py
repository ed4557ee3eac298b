"""What a program prints with Numba, without it, and with it switched off."""

import os
import subprocess
import sys
from functools import cache

import pytest

WAYS = [("absent", {}), ("switched off", {"NUMBA_DISABLE_JIT": "1"})]
"""Ways without compiled code, each with the environment that it needs."""


def assert_the_same(program: str, way: str, environment: dict[str, str]) -> None:
    """A program, given a way as its argument, prints the same as the way "compiled"."""
    pytest.importorskip("numba")
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        pytest.skip("this run is without compiled code")
    assert _printed(program, way, environment) == compiled(program)


@cache
def compiled(program: str) -> str:
    """What a program prints with Numba, as the way "compiled"."""
    return _printed(program, "compiled", {})


def _printed(program: str, way: str, environment: dict[str, str]) -> str:
    command = [sys.executable, "-W", "error", "-c", program, way]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
