"""The README's own pipeline in five minutes, as it stands there, and the reset of operations.md."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from app.local_kafka import stop_background
from tests.markdown import ROOT, blocks, section

README = ROOT / "README.md"
HEADING = "Your own pipeline in five minutes"


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Path]:
    """A folder with an environment, the files that the README tells to save, and nothing else."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    text = section(README, HEADING)
    fence = r"`([\w.]+)`[^`]*\n\n```(?:python|toml)\n(.*?)^```$"
    for name, content in re.findall(fence, text, re.M | re.S):
        (tmp_path / name).write_text(content)
    (reset,) = [b.text for b in blocks(ROOT / "docs" / "operations.md", "python")]
    (tmp_path / "reset.py").write_text(reset)
    try:
        yield tmp_path
    finally:
        stop_background(tmp_path / "kafka")


def run(folder: Path, script: str) -> str:
    """Run a script as a newcomer's shell would; gives its standard output."""
    outside = ("KAFKA_BOOTSTRAP_SERVERS", "RIVERRUN_")
    environ = {k: v for k, v in os.environ.items() if not k.startswith(outside)}
    with (folder / "errors.log").open("w+") as errors:
        done = subprocess.run(
            ["bash", "-c", f"set -e\n{script}"],
            cwd=folder,
            env=environ | {"RIVERRUN_KAFKA_HOME": str(folder / "kafka")},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            timeout=120,
        )
        errors.seek(0)
        assert done.returncode == 0, done.stdout + errors.read()
    return done.stdout


def steady(text: str) -> list[str]:
    """What `evaluate` always says: without what hangs on how far the worker has come."""
    kept = r"^(?:task|events|dead letters|skipped|missing|duplicates)  .*$"
    return re.findall(kept, text, re.M)


def test_the_five_minutes_of_the_readme_work_as_they_stand(newcomer: Path) -> None:
    assert {p.name for p in newcomer.glob("*.*")} >= {"make_pumps.py", "pumps.toml", "ask.py"}
    shell = re.findall(r"^<!-- run -->\n```sh\n(.*?)^```$", section(README, HEADING), re.M | re.S)

    out = run(newcomer, "\n".join([*shell, "wait"]))

    (shown,) = blocks(README, "json")
    assert shown.text in out
    (shown,) = [block for block in blocks(README, "text") if block.text.startswith("pipeline ")]
    assert steady(shown.text) == steady(out)

    (answer,) = [json.loads(line) for line in out.splitlines() if line.startswith('{"id":"mine-1"')]
    assert answer["prediction"] is True
    assert answer["model"]["name"] == "pumps"
    counts = dict(re.findall(r"^(missing|duplicates|dead letters|events) +(\d[\d,]*)$", out, re.M))
    assert counts == {"events": "20,001", "missing": "0", "duplicates": "0", "dead letters": "0"}

    path = f'export PATH="{newcomer}/.venv/bin:$PATH"\n'
    address = run(newcomer, f"{path}riverrun kafka start").strip()
    run(newcomer, f"{path}KAFKA_BOOTSTRAP_SERVERS={address} python reset.py")
    left = AdminClient({"bootstrap.servers": address}).list_topics(timeout=10).topics
    assert {name for name in left if name.startswith("pumps")} == {
        "pumps.readings.v1",
        "pumps.dead-letters.v1",
    }
