"""The brokers that riverrun starts, and the cluster that these tests run on."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from app.errors import LocalKafkaError, LocalKafkaInUse
from app.local_kafka import LocalKafka, start_background, status, stop_background
from app.local_kafka.broker import free_ports
from tests.kafka.clusters import docker_kafka, no_docker
from tests.kafka.support import create_topic, produce, read_committed

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "kafka"
    stop_background(tmp_path / "kafka")


def program(body: str, home: Path) -> list[str]:
    """The command line of a program that does this."""
    head = "import sys, time; from pathlib import Path; from app.local_kafka import *; "
    return [sys.executable, "-c", head + body, str(home)]


def smoke(bootstrap: str, topic: str) -> None:
    """Records of a committed transaction are there, those of an aborted one are not."""
    create_topic(bootstrap, topic, partitions=2)
    produce(bootstrap, topic, [(b"a", b"1"), (b"b", b"2")])
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": topic})
    producer.init_transactions(30)
    for value, finish in ((b"3", producer.commit_transaction), (b"4", producer.abort_transaction)):
        producer.begin_transaction()
        producer.produce(topic, value)
        producer.flush()
        finish(30)
    values = sorted(message.value() or b"" for message in read_committed(bootstrap, topic))
    assert values == [b"1", b"2", b"3"]


def test_the_cluster_of_the_tests_does_transactions(kafka: str, topic_name: str) -> None:
    smoke(kafka, topic_name)


@pytest.mark.skipif(no_docker() is not None, reason=str(no_docker()))
def test_kafka_in_docker_does_transactions(topic_name: str) -> None:
    with docker_kafka() as address:
        smoke(address, topic_name)


def test_an_embedded_broker_lets_a_group_join_at_once_and_takes_its_folder_with_it(
    topic_name: str,
) -> None:
    local = LocalKafka()
    with local:
        folder = local._home
        assert folder is not None
        assert folder.is_dir()
        assert local.is_running()
        assert local.start() == local.bootstrap, "a second start changes nothing"
        assert first_of_a_group(local.bootstrap, topic_name) == b"1"
    assert not folder.exists()
    assert not local.is_running()
    assert local.bootstrap == ""


def first_of_a_group(bootstrap: str, topic: str) -> bytes | None:
    """What the first group of a broker reads, which has the topics of groups already."""
    there = AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=30).topics
    assert {"__consumer_offsets", "__transaction_state"} <= there.keys()
    create_topic(bootstrap, topic)
    produce(bootstrap, topic, [(None, b"1")])
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": topic, "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([topic])
    message = consumer.poll(60)
    consumer.close()
    assert message is not None
    return message.value()


def test_a_folder_has_one_broker_at_a_time_which_finds_what_was_written(
    home: Path, topic_name: str
) -> None:
    with LocalKafka(home) as local:
        with pytest.raises(LocalKafkaInUse, match=local.bootstrap):
            LocalKafka(home).start()
        create_topic(local.bootstrap, topic_name)
        produce(local.bootstrap, topic_name, [(b"k", b"v")])
    port, _ = free_ports(None)
    with LocalKafka(home, port=port) as local:
        assert local.bootstrap == f"127.0.0.1:{port}"
        assert [m.value() for m in read_committed(local.bootstrap, topic_name)] == [b"v"]
    refuses_a_folder_of_something_else(home)


def refuses_a_folder_of_something_else(home: Path) -> None:
    """In one line; once it is removed, a broker starts there."""
    (home / "data" / "meta.properties").write_text("version=1\nnode.id=7\ncluster.id=other\n")
    with pytest.raises(LocalKafkaError, match="damaged or of another version") as refused:
        LocalKafka(home).start()
    assert "\n" not in str(refused.value)
    assert str(home / "broker.log") in str(refused.value)
    shutil.rmtree(home / "data")
    with LocalKafka(home) as local:
        assert local.is_running()


def test_a_broker_ends_with_a_program_that_is_killed(home: Path) -> None:
    starts = "print(LocalKafka(Path(sys.argv[1])).start(), flush=True); time.sleep(600)"
    with subprocess.Popen(program(starts, home), cwd=ROOT, stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        assert b"127.0.0.1:" in killed.stdout.readline()
        assert status(home) is not None
        killed.kill()
    assert _soon(lambda: status(home) is None)


def test_a_killed_program_leaves_no_temporary_folder(tmp_path: Path) -> None:
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    starts = "print(LocalKafka().start(), flush=True); time.sleep(600)"
    line = program(starts, tmp_path)
    with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, env=environ) as killed:
        assert killed.stdout is not None
        killed.stdout.readline()
        assert list(tmp_path.glob("riverrun-kafka-*"))
        killed.kill()
    assert _soon(lambda: not list(tmp_path.glob("riverrun-kafka-*")))


def test_brokers_in_the_background_are_one_which_stays_when_its_starters_end(
    home: Path, topic_name: str
) -> None:
    starter = program("print(start_background(Path(sys.argv[1])))", home)
    both = [subprocess.Popen(starter, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(2)]
    first, second = (started.communicate(timeout=60)[0].decode() for started in both)
    running = status(home)
    assert running is not None
    address = running.bootstrap
    assert first == second == f"{address}\n"
    assert start_background(home) == address, "a later start finds the first"
    assert status(home) == running
    with pytest.raises(LocalKafkaError, match="runs already, on"):
        start_background(home, port=1)

    create_topic(address, topic_name)
    produce(address, topic_name, [(b"k", b"v")])
    os.kill(running.pid, signal.SIGKILL)
    assert _soon(lambda: status(home) is None)
    assert start_background(home) == address, "one that died starts again at its address"
    assert [m.value() for m in read_committed(address, topic_name)] == [b"v"]
    assert stop_background(home)
    assert status(home) is None
    assert not stop_background(home)


def test_a_port_that_is_taken_is_said_so(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = rf"cannot start Kafka on 127\.0\.0\.1:{port}: Address"
        with pytest.raises(LocalKafkaError, match=said):
            LocalKafka(home, port=port).start()


def _soon(condition: Callable[[], bool], within: float = 60.0) -> bool:
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
