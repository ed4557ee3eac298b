"""The steps of a broker's start: ports, settings, format, command line, readiness, reasons."""

import base64
import re
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Container, Mapping
from contextlib import closing
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from app.errors import LocalKafkaError
from app.local_kafka.home import data_folder, log_file, settings_file
from app.local_kafka.install import kafka_jars
from app.local_kafka.java import find_java

HOST = "127.0.0.1"
READY_WITHIN = 60.0
LEAST_FREE = 200_000_000

# Measured: without the second compiler a start takes a third less, and so does a transaction,
# at half the processor time; produce and consume stay as fast.
JVM = ("-XX:+UseSerialGC", "-Xms128m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
_LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
)
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "BROKER",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "log.cleaner.dedupe.buffer.size": "16777216",
}
# As the broker would make them at first use, which costs the first consumer 3 seconds.
_COMPACTED = {"cleanup.policy": "compact", "segment.bytes": "104857600"}
_INTERNAL_TOPICS = {
    "__consumer_offsets": _COMPACTED | {"compression.type": "producer"},
    "__transaction_state": _COMPACTED
    | {
        "compression.type": "uncompressed",
        "min.insync.replicas": "1",
        "unclean.leader.election.enable": "false",
    },
}
_REASONS = {
    r"Address already in use": "its port is taken by another program",
    r"No space left on device|Disk quota exceeded": "the disk is full",
    r"Invalid cluster\.id|InconsistentClusterId|meta\.properties|metadata\.version|is not formatted"
    r"|UNKNOWN_FEATURE|Unsupported .*version": (
        "its data folder is damaged or of another version of Kafka: remove it"
    ),
    r"Could not reserve enough space|OutOfMemoryError|insufficient memory": "memory is short",
    r"Permission denied|AccessDeniedException": "its data folder is not writable",
}


def free_ports(port: int | None) -> tuple[int, int]:
    """Ports for the broker (`port`, where it is given) and for the controller.

    Raises:
        LocalKafkaError: `port` is taken.
    """
    with closing(_bound(port or 0)) as broker, closing(_bound(0)) as controller:
        return broker.getsockname()[1], controller.getsockname()[1]


def prepare(home: Path, port: int | None, config: Mapping[str, str]) -> str:
    """Write the broker's settings and format its data folder where that is new.

    Returns:
        The address that it will listen on.
    """
    if (free := shutil.disk_usage(home).free) < LEAST_FREE:
        raise LocalKafkaError(
            f"cannot start Kafka: the disk of {home} has {free / 1e6:.0f} MB left,"
            f" {LEAST_FREE / 1e6:.0f} are needed"
        )
    broker_port, controller_port = free_ports(port)
    settings = SETTINGS | {
        "listeners": f"BROKER://{HOST}:{broker_port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"BROKER://{HOST}:{broker_port}",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "log.dirs": str(data_folder(home)),
    }
    lines = [f"{key}={value}\n" for key, value in (settings | dict(config)).items()]
    settings_file(home).write_text("".join(lines))
    if not (data_folder(home) / "meta.properties").exists():
        _format(home)
    return f"{HOST}:{broker_port}"


def command(home: Path) -> list[str]:
    """The command line of the broker."""
    return [*_java(), "kafka.Kafka", str(settings_file(home))]


def wait_until_ready(
    address: str,
    alive: Callable[[], bool],
    client: Mapping[str, str] | None = None,
    within: float = READY_WITHIN,
) -> bool:
    """Wait until the broker answers with metadata that names itself, and has its own topics.

    Args:
        address: Of the broker.
        alive: Whether its process still runs.
        client: Settings that a client of this broker needs.
        within: Seconds.

    Returns:
        False where the process ended, or where time was up.
    """
    deadline = time.monotonic() + within
    while not _listens(address):
        if not alive() or time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    admin = AdminClient({"bootstrap.servers": address, "log_level": 0, **(client or {})})
    while alive() and time.monotonic() < deadline:
        try:
            if (found := admin.list_topics(timeout=1)).brokers:
                _make_internal_topics(admin, found.topics)
                return True
        except KafkaException:
            pass
        time.sleep(0.05)
    return False


def reason(home: Path) -> str:
    """Why the broker did not start, in one line, from its log."""
    log = log_file(home)
    text = log.read_text(errors="replace") if log.exists() else ""
    for pattern, meaning in _REASONS.items():
        if re.search(pattern, text):
            return meaning
    errors = re.findall(r"^.*(?:ERROR|Exception|[Ee]rror:).*$", text, re.MULTILINE)
    return errors[-1].strip()[:300] if errors else "it gave no reason"


def _format(home: Path) -> None:
    random = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    cluster = f"A{random[1:]}"  # the tool would take a leading "-" for an option
    tool = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings_file(home))]
    with log_file(home).open("wb") as log:
        done = subprocess.run([*_java(), *tool], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise LocalKafkaError(
            f"cannot format Kafka's data folder {data_folder(home)}: {reason(home)}"
        )


def _make_internal_topics(admin: AdminClient, existing: Container[str]) -> None:
    topics = [
        NewTopic(name, int(SETTINGS["offsets.topic.num.partitions"]), 1, config=config)
        for name, config in _INTERNAL_TOPICS.items()
        if name not in existing
    ]
    for made in admin.create_topics(topics).values() if topics else ():
        try:
            made.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def _java() -> list[str]:
    return [str(find_java()), *JVM, *_LOGGING, "-cp", f"{kafka_jars()}/*"]


def _bound(port: int) -> socket.socket:
    probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind((HOST, port))
    except OSError as error:
        probe.close()
        raise LocalKafkaError(
            f"cannot start Kafka on {HOST}:{port}: {error.strerror};"
            " leave the port out for a free one"
        ) from None
    return probe


def _listens(address: str) -> bool:
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True
