"""Disks that are full: the broker's, and the one on which a worker keeps its state at hand."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.errors import LocalKafkaError
from app.local_kafka import LocalKafka
from app.local_kafka.broker import free_ports
from tests.chaos.parts import part
from tests.chaos.scene import Scene, Skipped


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own in memory.

    Raises:
        Skipped: where this may not be mounted.
    """
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "riverrun-chaos", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        raise Skipped("a file system of its own can be mounted by root only")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def resize(folder: Path, megabytes: int) -> None:
    """Make a small disk larger or smaller."""
    option = f"remount,size={megabytes}m"
    subprocess.run(["mount", "-o", option, str(folder)], check=True)


def fill(folder: Path) -> None:
    """Take all that is left of a disk."""
    with suppress(OSError), (folder / "ballast").open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def used(folder: Path) -> int:
    """Megabytes that lie there."""
    disk = os.statvfs(folder)
    return -(-(disk.f_blocks - disk.f_bfree) * disk.f_frsize // 1_000_000)


@part(short=False)
def broker_disk_full(scene: Scene) -> None:
    """The broker's disk is full, so that it goes; then there is room, and it is started again."""
    times = scene.many(1, 4)
    with small_disk(scene.folder / "disk", 1_000) as disk:
        settings = {"log.segment.bytes": "1048576"}
        port = free_ports(None)[0]
        with LocalKafka(disk / "kafka", port, config=settings) as broker:
            case = scene.plain(bootstrap=broker.bootstrap, size=500)
            with scene.running(case, rate=400.0) as running:
                crew = running.crew
                member = crew.start("a")
                crew.wait(member.has_partitions, "the partitions")
                running.traffic.start()
                crew.rest(3.0)
                for _ in range(times):
                    resize(disk, used(disk) + 4)
                    crew.wait(lambda: not broker.is_running(), "the end of the broker")
                    crew.rest(5.0)
                    resize(disk, used(disk) + 1_000)
                    started(broker)
                    crew.rest(8.0)
                running.verdict("the broker's disk full", times, leaves=None)


def started(broker: LocalKafka) -> None:
    """Start a broker whose log may have to be mended first."""
    for _ in range(3):
        try:
            broker.start()
            return
        except LocalKafkaError as error:
            print(error)
    broker.start()


ON_DISK = """
[state]
store = "disk"
folder = "{folder}"
"""


@part(short=False)
def state_disk_full(scene: Scene) -> None:
    """The disk of the state folder is full for a while; a rich pipeline."""
    times = scene.many(1, 4)
    with small_disk(scene.folder / "disk", 100) as disk:
        case = scene.rich(more=ON_DISK.format(folder=disk / "state"))
        with scene.running(case, rate=200.0) as running:
            crew = running.crew
            member = crew.start("a")
            crew.wait(member.has_partitions, "the partitions")
            running.traffic.start()
            crew.rest(4.0)
            for _ in range(times):
                left = crew.left[1]
                crew.kill(member)
                for _ in range(40):
                    fill(disk)  # again, for a worker frees what the last one left
                    crew.rest(0.3)
                assert crew.left[1] > left, "it had room"
                (disk / "ballast").unlink()
                crew.wait(member.has_partitions, "the partitions")
                crew.rest(3.0)
            running.verdict("the disk of the state folder full", times, leaves=None)
