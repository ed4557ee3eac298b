"""The containers' commands and environment, run without a container against a real Kafka."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource

from app.local_kafka.broker import free_ports
from app.local_kafka.install import kafka_jars
from app.local_kafka.java import find_java
from tests.containers import ROOT, compose, health_check, image_environment, own_services, warm_up
from tests.kafka.support import read_committed

SERVICES = own_services()
RIVERRUN = Path(sys.executable).with_name("riverrun")
FIRST_DAY = 17_622
"""2018-04-01, counted from 1970; the replay goes on at 2018-06-01."""
OUTPUTS = ("events", "labels", "predictions", "decisions", "metrics")
JVM = {"KAFKA_HEAP_OPTS"}
"""Variables of the image's scripts, not settings of Kafka."""


def broker_settings() -> dict[str, str]:
    """The compose file's variables for Kafka, as the image turns them into settings."""
    variables: Mapping[str, str] = compose()["services"]["kafka"]["environment"]
    return {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in variables.items()
        if name.startswith("KAFKA_") and name not in JVM
    }


class Deployment:
    """The services of the compose file as processes, on topics that nobody else has."""

    def __init__(self, kafka: str, folder: Path) -> None:
        self.kafka = kafka
        self.folder = folder
        self.name = f"containers-{uuid.uuid4().hex[:8]}"

    def topic(self, table: str) -> str:
        """The topic of a table of the pipeline file."""
        return f"{self.name}.{table}.v1"

    def environment(self, service: str, web_port: int = 6066) -> dict[str, str]:
        """Of the image and of the service; nothing of the machine's, as in a container."""
        changed = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "NUMBA_CACHE_DIR": str(self.folder),
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            "RIVERRUN_NAME": self.name,
            **{f"RIVERRUN_{table.upper()}__TOPIC": self.topic(table) for table in OUTPUTS},
            "RIVERRUN_WORKER__WEB_PORT": str(web_port),
        }
        return {**image_environment(), **SERVICES[service]["environment"], **changed}

    def build(self) -> None:
        """Compile what the image is built with; the first worker finds it."""
        given = self.environment("worker") | {"KAFKA_BOOTSTRAP_SERVERS": ""}
        subprocess.run(
            [RIVERRUN, *warm_up()],
            cwd=ROOT,
            env=given,
            capture_output=True,
            check=True,
            timeout=300,
        )

    def start(self, service: str, web_port: int = 6066) -> subprocess.Popen[str]:
        """The service's command line."""
        return subprocess.Popen(
            [RIVERRUN, *SERVICES[service]["command"]],
            cwd=ROOT,
            env=self.environment(service, web_port),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, service: str) -> None:
        """Start a service that ends by itself, and see it end well."""
        with self.start(service) as process:
            output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output

    def run_until(self, service: str, table: str, count: int) -> None:
        """Start a service, and stop it as soon as so many more records are on a topic."""
        before = len(read_committed(self.kafka, self.topic(table)))
        with self.start(service) as process:
            try:
                found = read_committed(self.kafka, self.topic(table), before + count)
            finally:
                process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=30)
        assert len(found) == before + count, output

    @contextmanager
    def worker(self, service: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
        """A worker and its web port; killed at the end if it is still there."""
        port, _ = free_ports(None)
        with self.start(service, port) as process:
            try:
                yield process, port
            finally:
                process.kill()


def is_healthy(command: list[str], folder: Path, **environment: str) -> bool:
    """Ask as the image's health check does, where the container runs `command`.

    Docker puts `http_proxy` into containers by itself.
    """
    command_line = folder / "cmdline"
    command_line.write_bytes(b"\0".join(word.encode() for word in ["riverrun", *command]))
    given = {**image_environment(), "http_proxy": "http://127.0.0.1:9", **environment}
    check = [sys.executable, *health_check(), str(command_line)]
    asked = subprocess.run(
        check, env=given | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert asked.stderr == ""
    return asked.returncode == 0


def wait_until_healthy(worker: subprocess.Popen[str], port: int, folder: Path) -> None:
    deadline = time.monotonic() + 180
    while not is_healthy(["worker"], folder, RIVERRUN_WORKER__WEB_PORT=str(port)):
        if worker.poll() is not None:
            pytest.fail(f"the worker ended with {worker.returncode}: {worker.communicate()[0]}")
        assert time.monotonic() < deadline, "the worker is not healthy after 180 s"
        time.sleep(0.3)


def fetch(port: int, path: str) -> bytes:
    """What a browser on the machine gets from the published port."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return bytes(answer.read())


@pytest.mark.long
def test_the_compose_services_run_and_the_workers_stop_cleanly_on_sigterm(
    kafka: str, tmp_path: Path
) -> None:
    deployment = Deployment(kafka, tmp_path)
    deployment.build()
    deployment.run("topics")
    with ExitStack() as stack:
        workers = [stack.enter_context(deployment.worker(name)) for name in ("page", "worker")]
        for worker, port in workers:
            wait_until_healthy(worker, port, tmp_path)
        deployment.run_until("history", "decisions", 20)
        history = read_committed(kafka, deployment.topic("events"))
        read_committed(kafka, deployment.topic("predictions"), len(history))
        deployment.run_until("replay", "predictions", 100)
        events = read_committed(kafka, deployment.topic("events"))
        predictions = read_committed(kafka, deployment.topic("predictions"), len(events))

        page = workers[0][1]
        assert json.loads(fetch(page, "/health"))["ready"]
        assert b"static/page.js" in fetch(page, "/")
        assert fetch(page, "/static/page.js")
        for worker, _ in workers:
            worker.send_signal(signal.SIGTERM)
        ended = [worker.communicate(timeout=30)[0] for worker, _ in workers]

        assert [worker.returncode for worker, _ in workers] == [0, 0], "\n".join(ended)
    sources = {source_of(prediction.value()) for prediction in predictions}
    assert len(predictions) == len(sources) == len(events)
    days = {record.timestamp()[1] // 86_400_000 for record in events}
    assert min(days) == FIRST_DAY
    assert max(days) == FIRST_DAY + 61


def source_of(prediction: bytes | None) -> tuple[Any, ...]:
    source = json.loads(prediction or b"")["source"]
    return source["topic"], source["partition"], source["offset"]


def test_only_a_worker_is_asked_for_its_health(tmp_path: Path) -> None:
    nobody, _ = free_ports(None)

    port = {"RIVERRUN_WORKER__WEB_PORT": str(nobody)}
    assert not is_healthy(SERVICES["worker"]["command"], tmp_path, **port)
    assert is_healthy(SERVICES["replay"]["command"], tmp_path, **port)


def test_kafka_knows_every_setting_of_the_compose_file(kafka: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka})
    node = next(iter(admin.list_topics(timeout=30).brokers))
    broker = ConfigResource(ConfigResource.Type.BROKER, str(node))
    known = admin.describe_configs([broker])[broker].result(30)

    assert sorted(set(broker_settings()) - set(known)) == []


def test_kafka_formats_its_folder_with_the_settings_of_the_compose_file(tmp_path: Path) -> None:
    cluster = compose()["services"]["kafka"]["environment"]["CLUSTER_ID"]
    settings = broker_settings() | {"log.dirs": str(tmp_path / "data")}
    file = tmp_path / "server.properties"
    file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))

    tool = ["-cp", f"{kafka_jars()}/*", "kafka.tools.StorageTool", "format"]
    formatted = subprocess.run(
        [find_java(), *tool, "-t", cluster, "-c", file], capture_output=True, text=True
    )

    assert formatted.returncode == 0, formatted.stdout + formatted.stderr
    assert cluster in (tmp_path / "data" / "meta.properties").read_text()
