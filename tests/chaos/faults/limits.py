"""Processes that may not have what they need: files, memory, a home to write to, a steady clock."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.chaos.faults.disks import small_disk
from tests.chaos.parts import part
from tests.chaos.scene import Scene, Skipped

CGROUP = Path("/sys/fs/cgroup/memory")
FAKETIME = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
)


@part(short=False)
def few_files(scene: Scene) -> None:
    """A worker that may open too few files, then enough."""
    with scene.running(scene.plain(), rate=100.0) as running:
        crew = running.crew
        running.traffic.start()
        member = crew.start("a")
        limits = (20, 30, 40, 50) if scene.scale else (30,)
        for limit in limits:
            member.supervised = False
            member.kill()
            member.start(f"limit:nofile:{limit}")
            crew.rest(12.0)
        member.kill()
        member.start()
        member.supervised = True
        crew.wait(member.has_partitions, "the partitions")
        running.verdict("too few open files allowed (nofile)", len(limits), leaves=None)


@contextmanager
def memory_group(megabytes: int) -> Iterator[Path]:
    """A cgroup whose processes may have so much memory together.

    Raises:
        Skipped: where none can be made.
    """
    group = CGROUP / f"riverrun-chaos-{uuid.uuid4().hex[:8]}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(megabytes << 20))
    except OSError as error:
        raise Skipped(f"no cgroup for memory: {error}") from None
    try:
        yield group
    finally:
        group.rmdir()


@part(short=False)
def memory_limit(scene: Scene) -> None:
    """A worker that the kernel kills for its memory, then one that has enough."""
    times = scene.many(1, 6)
    with (
        memory_group(70) as group,
        scene.running(scene.plain(), rate=100.0) as running,
    ):
        crew = running.crew
        member = crew.start("a")
        crew.wait(member.has_partitions, "the partitions")
        running.traffic.start()
        for _ in range(times):
            crew.rest(2.0)
            member.supervised = False
            member.kill()
            member.start()
            (group / "cgroup.procs").write_text(str(member.process.pid))
            crew.wait(lambda: not member.alive, "the end of the worker")
            member.supervised = True
            crew.wait(member.has_partitions, "the partitions")
        running.verdict("killed at the memory limit of its cgroup", times, leaves=None)


@part(short=False)
def read_only_home(scene: Scene) -> None:
    """A worker whose home folder can only be read."""
    with small_disk(scene.folder / "home", 10) as home:
        subprocess.run(["mount", "-o", "remount,ro", str(home)], check=True)
        environ = {"HOME": str(home), "XDG_CACHE_HOME": "", "XDG_STATE_HOME": ""}
        with scene.running(scene.plain(), rate=200.0, environ=environ) as running:
            crew = running.crew
            member = crew.start("a")
            crew.wait(member.has_partitions, "the partitions")
            running.traffic.start()
            crew.rest(5.0)
            crew.kill(member)
            crew.rest(5.0)
            running.verdict("home folder read-only", 1)


def faketime() -> str:
    """The library that moves the clock of a process."""
    for path in (*FAKETIME, os.environ.get("FAKETIME_LIBRARY", "")):
        if path and Path(path).exists():
            return path
    raise Skipped("libfaketime is not installed")


@part(short=False)
def clocks(scene: Scene) -> None:
    """The wall clock of a worker jumps, by minutes and by days, and later back.

    Librdkafka waits by the C library's own calls, which libfaketime does not know: a process
    that began with a moved clock would wait for a day. So the clock is right again before a
    worker that was ended by force is started anew.
    """
    jumps = ["+3600", "-3600", "+86400", "-60", "+60"]
    offset = scene.folder / "offset"

    def move(seconds: str) -> None:
        aside = offset.with_suffix(".new")
        aside.write_text(seconds)
        shutil.move(aside, offset)

    move("+0")
    environ = {
        "LD_PRELOAD": faketime(),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_CACHE_DURATION": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    case = scene.plain()
    with scene.running(case, rate=100.0, environ=environ) as running:
        crew = running.crew
        member = crew.start("a")
        crew.wait(member.has_partitions, "the partitions")
        running.traffic.start()
        chosen = [scene.draw.choice(jumps) for _ in range(scene.many(2, 12))]
        for jump in chosen:
            move(jump)
            crew.rest(8.0)
            move("+0")
            wanted = len(running.watcher.seen) + 1
            crew.wait(partial(running.watcher.has, wanted), f"a prediction after {jump} s")
        running.verdict("the clock of a worker jumps forward and back", len(chosen), leaves=None)
