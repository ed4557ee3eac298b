"""What `make check` and `make audit` say of dangerous calls and of packages."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def bandit(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Bandit with the project's own settings."""
    tool = Path(sys.executable).with_name("bandit")
    line = [tool, "--quiet", "--configfile", ROOT / "pyproject.toml", *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=200)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import pickle\npickle.loads(input())\n", "B301"),
        ("eval(input())\n", "B307"),
        ("import os\nos.system(input())\n", "B605"),
        ("import hashlib\nhashlib.md5(b'').hexdigest()\n", "B324"),
        ("import yaml\nyaml.load(input(), yaml.Loader)\n", "B506"),
    ],
)
def test_a_dangerous_call_is_found(tmp_path: Path, code: str, found: str) -> None:
    file = tmp_path / "dangerous.py"
    file.write_text(code)
    said = bandit(file)
    assert said.returncode == 1
    assert found in said.stdout


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_an_audit_without_pypi_is_skipped_in_words(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    environment = {**os.environ, "https_proxy": nowhere, "HTTPS_PROXY": nowhere, "no_proxy": ""}
    line = ["make", "--no-print-directory", "audit", f"BIN={Path(sys.executable).parent}"]
    # The project is set up where this runs; nothing of it is to be made anew.
    line += ["--assume-old=pyproject.toml", "READY="]
    said = subprocess.run(
        line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200
    )
    assert said.returncode == 0, said.stderr
    assert said.stdout == (
        "riverrun: audit skipped: PyPI tells of no vulnerabilities here within 3 s\n"
    )
