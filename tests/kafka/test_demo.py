"""The demo as a user runs it: a worker is killed, and nothing is missing, doubled or left."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from tests.app.page.browser import chromium, opened, overflow

ROOT = Path(__file__).parents[2]
SMALL = ("--cards", "80")


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


def wait_for_line(process: subprocess.Popen[str], part: str) -> str:
    """Read standard error up to a line."""
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if part in line:
            return line.strip()
    raise AssertionError(f"{part!r} is not in {''.join(seen)}")


def figures(text: str) -> dict[str, str]:
    """The figures of a summary by their names."""
    return {line[2:20].strip(): line[20:].split()[0] for line in text.splitlines()[1:]}


@pytest.mark.long
def test_a_killed_worker_costs_nothing_and_nothing_is_left(cluster: str) -> None:
    with demo(cluster, "--seconds", "8", *SMALL) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out + err
    shown = figures(out)
    assert shown["missing"] == shown["doubled"] == shown["dead letters"] == "0"
    assert shown["payments sent"] == shown["predictions read"]
    assert shown["labels sent"] == shown["labels learned"]
    assert int(shown["labels learned"].replace(",", "")) > 2000
    assert float(shown["recovery"]) > 0
    assert int(shown["alerts"].replace(",", "")) > 10
    assert int(shown["new fraud"].replace(",", "")) > 100
    assert int(shown["commits"].replace(",", "")) > 10
    assert "worker 1 killed with -9" in err
    assert "in the history, on 05-03: a new fraud begins" in err
    assert workers_on(cluster) == own_topics(cluster) == []


def test_the_page_is_served_and_ctrl_c_in_the_middle_ends_all_with_a_summary(cluster: str) -> None:
    with demo(cluster, "--seconds", "0", *SMALL) as process:
        page = wait_for_line(process, "The page: ").rpartition(" ")[2]
        with urllib.request.urlopen(page, timeout=10) as answer:
            assert b"<html" in answer.read()
        wait_for_line(process, "History scored and learned")
        time.sleep(1.5)
        assert len(workers_on(cluster)) == 1
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    shown = figures(out)
    assert shown["missing"] == shown["doubled"] == "0"
    assert shown["labels sent"] == shown["labels learned"]
    assert shown["recovery"] == "-"
    assert workers_on(cluster) == own_topics(cluster) == []


@pytest.mark.long
def test_ctrl_c_while_it_starts_ends_it_too(cluster: str) -> None:
    with demo(cluster) as process:
        wait_for_line(process, "Topics demo-")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    assert "stopped before the first payment" in out
    assert workers_on(cluster) == own_topics(cluster) == []


@pytest.mark.long
def test_the_workers_of_a_killed_demo_end_too(cluster: str) -> None:
    with demo(cluster, "--workers", "2", *SMALL) as process:
        wait_for_line(process, "2 workers, each with a model")
        assert len(workers_on(cluster)) == 2
        process.kill()
        deadline = time.monotonic() + 10
        while workers_on(cluster) and time.monotonic() < deadline:
            time.sleep(0.1)
    assert workers_on(cluster) == []


def test_the_buttons_of_the_page_take_effect_and_all_that_happens_stands_there(
    cluster: str,
) -> None:
    with chromium() as browser, demo(cluster, "--seconds", "0", *SMALL) as process:
        page, errors = opened(browser, wait_for_line(process, "The page: ").rpartition(" ")[2], 390)
        page.set_default_timeout(60_000)
        happened = page.locator("#happened")
        page.get_by_role("button", name="Hold labels back").click()
        page.locator("#controls-said", has_text="No label comes from now on").wait_for()
        happened.locator("li", has_text="labels are held back").wait_for()
        page.get_by_role("button", name="Let the labels come").click()
        happened.locator("li", has_text="the labels that were held back come").wait_for()
        page.get_by_role("button", name="Begin a new wave").click()
        happened.locator("li", has_text="a new wave of fraud was asked for").wait_for()
        happened.locator("li", has_text="another wave of fraud begins").wait_for()
        assert overflow(page) == 0
        gone = "ERR_CONNECTION_REFUSED"  # the page of a worker that was killed
        assert [error for error in errors if gone not in error] == []
        page.get_by_role("button", name="Kill the worker").click()
        happened.locator("li", has_text="worker 1 killed with -9").wait_for()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, out + err
    shown = figures(out)
    assert shown["missing"] == shown["doubled"] == "0"
    assert shown["labels sent"] == shown["labels learned"]
