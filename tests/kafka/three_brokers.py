"""Three brokers on this machine with replication 3, for faults of single brokers."""

from __future__ import annotations

import base64
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from app.local_kafka.broker import HOST, JVM, SETTINGS, free_ports
from app.local_kafka.install import kafka_jars
from app.local_kafka.java import find_java

MEMORY = ("-Xms64m", "-Xmx256m")
REPLICATED = {
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "unclean.leader.election.enable": "false",
    # A follower that stands still leaves the set soon, and so does a broker that is gone.
    "replica.lag.time.max.ms": "4000",
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "500",
    "controlled.shutdown.enable": "true",
}
WITHIN = 120.0
"""Seconds for a start."""

# Ends the broker when the program that started it is gone, kill -9 included.
_WATCHDOG = "import os, sys; sys.stdin.read(); os.kill(int(sys.argv[1]), 9)"


class Node:
    """One broker, which is a controller too.

    Attributes:
        number: 1, 2 or 3.
        bootstrap: Its address.
    """

    def __init__(self, number: int, home: Path) -> None:
        self.number = number
        self.home = home
        self.port, self.controller_port = free_ports(None)
        self.bootstrap = f"{HOST}:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None

    def prepare(self, cluster_id: str, voters: str) -> None:
        """Write its settings and format its folder."""
        self.home.mkdir(parents=True, exist_ok=True)
        settings = (
            SETTINGS
            | REPLICATED
            | {
                "node.id": str(self.number),
                "listeners": f"BROKER://{self.bootstrap},CONTROLLER://{HOST}:{self.controller_port}",
                "advertised.listeners": f"BROKER://{self.bootstrap}",
                "controller.quorum.voters": voters,
                "log.dirs": str(self.home / "data"),
            }
        )
        lines = [f"{key}={value}\n" for key, value in settings.items()]
        self._file.write_text("".join(lines))
        tool = ("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(self._file))
        done = subprocess.run([*_java(), *tool], capture_output=True, text=True, timeout=WITHIN)
        assert done.returncode == 0, done.stdout + done.stderr

    @property
    def _file(self) -> Path:
        return self.home / "server.properties"

    @property
    def alive(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it; nothing happens where it lives."""
        if self.alive:
            return
        with (self.home / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_java(), "kafka.Kafka", str(self._file)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._watchdog = subprocess.Popen(
            [sys.executable, "-c", _WATCHDOG, str(self._process.pid)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def kill(self) -> None:
        """Kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """A clean stop: it hands over what it leads."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """SIGSTOP."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self._watchdog is not None and self._watchdog.stdin is not None:
            self._watchdog.kill()
            self._watchdog.stdin.close()
            self._watchdog.wait()
        if self._process is not None:
            self._process.send_signal(how)
            self._process.send_signal(signal.SIGCONT)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = self._watchdog = None


class ThreeBrokers:
    """A cluster of three.

    Attributes:
        nodes: The brokers.
    """

    def __init__(self, home: Path) -> None:
        self.nodes = [Node(number, home / str(number)) for number in (1, 2, 3)]

    @property
    def bootstrap(self) -> str:
        """All addresses."""
        return ",".join(node.bootstrap for node in self.nodes)

    def start(self) -> None:
        """Format and start all, and wait until they are there."""
        random = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        voters = ",".join(f"{n.number}@{HOST}:{n.controller_port}" for n in self.nodes)
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda node: node.prepare(f"A{random[1:]}", voters), self.nodes))
        for node in self.nodes:
            node.start()
        self.wait_for(self.nodes)

    def admin(self) -> AdminClient:
        """A client of the whole cluster."""
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})

    def wait_for(self, nodes: Sequence[Node], within: float = WITHIN) -> None:
        """Until these are in the cluster."""
        admin, deadline = self.admin(), time.monotonic() + within
        wanted = {node.number for node in nodes}
        while True:
            try:
                if wanted <= set(admin.list_topics(timeout=2).brokers):
                    return
            except KafkaException:
                pass
            assert time.monotonic() < deadline, f"brokers {wanted} are not all there"
            time.sleep(0.2)

    def wait_until_in_sync(self, topics: Sequence[str], within: float = WITHIN) -> None:
        """Until every partition of these topics is on all three brokers."""
        admin, deadline = self.admin(), time.monotonic() + within
        while True:
            try:
                said = admin.describe_topics(TopicCollection(list(topics)), request_timeout=5)
                found = [p for topic in said.values() for p in topic.result().partitions]
                if all(len(p.isr) == 3 for p in found):
                    return
            except KafkaException:
                pass
            assert time.monotonic() < deadline, "the replicas do not catch up"
            time.sleep(0.3)

    def coordinator(self, group: str) -> int:
        """The number of the broker that coordinates a consumer group."""
        admin = self.admin()  # kept: a client that is gone answers no more
        said = admin.describe_consumer_groups([group], request_timeout=10)[group].result(60)
        return int(said.coordinator.id)

    def transaction_coordinator(self, transactional_id: str) -> int:
        """The number of the broker that coordinates the transactions of a producer."""
        topic = "__transaction_state"
        admin = self.admin()
        asked = TopicCollection([topic])
        said = admin.describe_topics(asked, request_timeout=10)[topic].result(60)
        partition = abs(_java_hash(transactional_id)) % len(said.partitions)
        return next(int(p.leader.id) for p in said.partitions if p.id == partition)

    def stop(self) -> None:
        """End all."""
        for node in self.nodes:
            node.kill()


@contextmanager
def three_brokers(home: Path) -> Iterator[ThreeBrokers]:
    """A cluster for as long as the block lasts."""
    made = ThreeBrokers(home)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def _java() -> list[str]:
    heap = [option for option in JVM if not option.startswith("-Xm")]
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    return [str(find_java()), *heap, *MEMORY, quiet, "-cp", f"{kafka_jars()}/*"]


def _java_hash(text: str) -> int:
    """As String.hashCode: a signed number of 32 bits."""
    value = 0
    for character in text:
        value = (31 * value + ord(character)) & 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value
