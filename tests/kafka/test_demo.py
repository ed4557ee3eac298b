"""The demo as a user runs it: a worker is killed, and nothing is missing, doubled or left."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

ROOT = Path(__file__).parents[2]
READY = "standard scaler and logistic regression"


@pytest.fixture
def cluster(kafka: str) -> Iterator[str]:
    """The broker, without topics of the demo afterwards."""
    yield kafka
    if left := own_topics(kafka):
        admin = AdminClient({"bootstrap.servers": kafka})  # lives until the results are there
        for answer in admin.delete_topics(left).values():
            answer.result(30)


def own_topics(bootstrap: str) -> list[str]:
    """The topics of demos."""
    topics = AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=30).topics
    return [name for name in topics if name.startswith("demo-")]


def workers_on(bootstrap: str) -> list[str]:
    """The command lines of the demo's workers that run on this broker."""
    shown = subprocess.run(["ps", "-Awwo", "args"], capture_output=True, text=True, check=True)
    lines = shown.stdout.splitlines()
    return [line for line in lines if "--set=name=demo-" in line and bootstrap in line]


@contextlib.contextmanager
def demo(bootstrap: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A demo in a process of its own, which is gone at the end, whatever happens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "demo", *options],
        env=os.environ | {"KAFKA_BOOTSTRAP_SERVERS": bootstrap, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for_line(process: subprocess.Popen[str], part: str) -> None:
    """Read standard error up to a line."""
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if part in line:
            return
    raise AssertionError(f"{part!r} is not in {''.join(seen)}")


def figures(text: str) -> dict[str, str]:
    """The figures of a summary by their names."""
    return {line[2:20].strip(): line[20:].split()[0] for line in text.splitlines()[1:]}


def test_a_killed_worker_costs_nothing_and_nothing_is_left(cluster: str) -> None:
    with demo(cluster, "--seconds", "12") as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out + err
    shown = figures(out)
    assert shown["missing"] == shown["doubled"] == "0"
    assert shown["events sent"] == shown["predictions read"]
    assert int(shown["events sent"].replace(",", "")) > 1000
    assert float(shown["recovery"]) > 0
    assert 0.9 < float(shown["ROC AUC"]) <= 1
    assert int(shown["commits"].replace(",", "")) > 10
    assert "worker 1 killed with -9" in err
    assert "every partition predicts again" in err
    assert workers_on(cluster) == own_topics(cluster) == []


def test_ctrl_c_in_the_middle_ends_all_of_it_with_a_summary(cluster: str) -> None:
    with demo(cluster, "--seconds", "0") as process:
        wait_for_line(process, READY)
        time.sleep(2.5)
        assert len(workers_on(cluster)) == 1
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    shown = figures(out)
    assert shown["missing"] == shown["doubled"] == "0"
    assert shown["recovery"] == "-"
    assert workers_on(cluster) == own_topics(cluster) == []


def test_ctrl_c_while_it_starts_ends_it_too(cluster: str) -> None:
    with demo(cluster) as process:
        wait_for_line(process, "Topics of")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    assert "stopped before the first event" in out
    assert workers_on(cluster) == own_topics(cluster) == []


def test_the_workers_of_a_killed_demo_end_too(cluster: str) -> None:
    with demo(cluster, "--workers", "2") as process:
        wait_for_line(process, READY)
        assert len(workers_on(cluster)) == 2
        process.kill()
        deadline = time.monotonic() + 10
        while workers_on(cluster) and time.monotonic() < deadline:
            time.sleep(0.1)
    assert workers_on(cluster) == []
