"""The rooms: who may import whom, as `[tool.importlinter]` in pyproject.toml says."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "pyproject.toml"
ROOMS = ("agents", "app", "learners", "topics")


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Check the rooms under `root` against the project's own contract, in a process of its own."""
    lint = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [lint, "--no-cache", "--no-logo", "--config", CONFIG],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_rooms_keep_the_import_contract() -> None:
    checked = lint_imports(ROOT)

    assert checked.returncode == 0, checked.stdout + checked.stderr


WRONG = [
    ("topics", "learners"),
    ("topics", "agents"),
    ("topics", "app"),
    ("topics", "numpy"),
    ("topics", "confluent_kafka"),
    ("learners", "topics"),
    ("learners", "agents"),
    ("learners", "app"),
    ("learners", "faust"),
    ("agents", "app"),
    ("agents", "asyncio"),
    ("agents", "confluent_kafka"),
]
"""Who must not import what."""


def test_the_contract_refuses_each_wrong_import(tmp_path: Path) -> None:
    for name in ROOMS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    assert lint_imports(tmp_path).returncode == 0

    for room, module in WRONG:
        (tmp_path / room / f"wrong_{module}.py").write_text(f"import {module}\n")
    checked = lint_imports(tmp_path)

    assert checked.returncode == 1
    for room, module in WRONG:
        assert f"{room}.wrong_{module} -> {module}" in checked.stdout


def test_every_package_of_the_checkout_is_a_room_under_the_contract() -> None:
    config = tomllib.loads(CONFIG.read_text())
    packaged = config["tool"]["setuptools"]["packages"]["find"]["include"]

    assert config["tool"]["importlinter"]["root_packages"] == list(ROOMS)
    assert sorted(name for name in packaged if "." not in name) == list(ROOMS)
    for room in ROOMS:
        assert (ROOT / room / "__init__.py").is_file(), f"{room} is a room without an __init__.py"


def test_the_application_cannot_be_uploaded_by_accident() -> None:
    config = tomllib.loads(CONFIG.read_text())

    assert "Private :: Do Not Upload" in config["project"]["classifiers"]


def test_every_dependency_has_a_lower_and_an_upper_bound() -> None:
    project = tomllib.loads(CONFIG.read_text())["project"]
    groups = project["optional-dependencies"].values()
    extras = [line for group in groups for line in group if not line.startswith("riverrun[")]

    unbound = [
        line for line in project["dependencies"] + extras if ">=" not in line or "<" not in line
    ]

    assert unbound == []
