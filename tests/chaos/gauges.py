"""Memory, threads and open files of processes, as /proc tells them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Gauge:
    """What a process uses at a moment.

    Attributes:
        rss: Resident memory in MB.
        threads: How many.
        files: Open descriptors.
    """

    rss: float
    threads: int
    files: int

    def __str__(self) -> str:
        return f"{self.rss:.0f} MB, {self.threads} threads, {self.files} files"


def gauge(pid: int) -> Gauge | None:
    """What a process uses now; None where it is gone or the system does not say."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        files = len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return None
    said = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    if "VmRSS" not in said:
        return None
    return Gauge(int(said["VmRSS"].split()[0]) / 1024, int(said["Threads"]), files)


def assert_as_before(before: Gauge, after: Gauge, more_rss: float = 60.0) -> None:
    """A worker uses at the end what it used at the beginning, but for caches that fill once."""
    said = f"{before} before, {after} after"
    assert after.threads <= before.threads + 6, said
    assert after.files <= before.files + 24, said
    assert after.rss <= before.rss * 1.25 + more_rss, said
