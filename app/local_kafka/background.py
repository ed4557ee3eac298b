"""A broker in the background that stays when its starter ends: `riverrun kafka start`."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from app.errors import LocalKafkaError
from app.local_kafka import broker, home
from app.local_kafka.home import Status

STOP_WITHIN = 15.0

# The shell leaves the broker to the system's first process and tells its number.
_LEAVE = 'log=$1; shift; "$@" >"$log" 2>&1 & echo $!'


def status(folder: Path | None = None) -> Status | None:
    """The broker that runs in the background on this folder (default: the user's own), if any."""
    return home.status(folder or home.default_home())


def start_background(folder: Path | None = None, port: int | None = None) -> str:
    """Start a broker that outlives this program, or find the one that runs already.

    Args:
        folder: Where it keeps its data. Default: RIVERRUN_KAFKA_HOME, else among the user's state.
        port: Where it listens on 127.0.0.1. Default: where it did the last time, if that is free.

    Returns:
        Its address. It answers there.

    Raises:
        LocalKafkaError: As `LocalKafka.start`; or it runs already on another port than `port`.
    """
    folder = (folder or home.default_home()).absolute()
    deadline = time.monotonic() + broker.READY_WITHIN
    while (lock := home.try_take(folder)) is None:
        running = home.last_status(folder)
        if running is not None and _answers(running):
            return _same_port(running, port)
        if time.monotonic() > deadline:
            raise LocalKafkaError(f"the Kafka on {folder} runs, but does not answer: stop it first")
        time.sleep(0.1)
    try:
        started = _launch(folder, _port(folder, port), lock)
    finally:
        os.close(lock)
    if not broker.wait_until_ready(started.bootstrap, _runs(folder)):
        stop_background(folder)
        raise LocalKafkaError(
            f"the local Kafka did not start: {broker.reason(folder)}, see {home.log_file(folder)}"
        )
    return started.bootstrap


def stop_background(folder: Path | None = None) -> bool:
    """Stop the broker of this folder, at the latest by force. Its data stays.

    Returns:
        Whether one ran.
    """
    folder = (folder or home.default_home()).absolute()
    running = home.status(folder)
    if running is None:
        return False
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(running.pid, how)
        except ProcessLookupError:
            pass
        except PermissionError:
            raise LocalKafkaError(
                f"cannot stop the Kafka on {folder}: process {running.pid} is another user's"
            ) from None
        if _within(STOP_WITHIN, lambda: home.status(folder) is None):
            return True
    raise LocalKafkaError(f"cannot stop the Kafka on {folder}: process {running.pid} stays")


def _launch(folder: Path, port: int | None, lock: int) -> Status:
    address = broker.prepare(folder, port, {})
    shell = ["/bin/sh", "-c", _LEAVE, "riverrun-kafka", str(home.log_file(folder))]
    done = subprocess.run(
        [*shell, *broker.command(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        pass_fds=(lock,),
        check=True,
    )
    started = Status(int(done.stdout), address, folder)
    home.write_status(started)
    return started


def _port(folder: Path, port: int | None) -> int | None:
    """`port`, else the one of the last time if it is free, so that addresses stay good."""
    last = home.last_status(folder)
    home.forget_status(folder)
    if port is not None or last is None:
        return port
    try:
        return broker.free_ports(int(last.bootstrap.rsplit(":", 1)[1]))[0]
    except LocalKafkaError:
        return None


def _same_port(running: Status, port: int | None) -> str:
    if port is not None and not running.bootstrap.endswith(f":{port}"):
        raise LocalKafkaError(
            f"the Kafka on {running.home} runs already, on {running.bootstrap}: stop it first"
        )
    return running.bootstrap


def _answers(running: Status) -> bool:
    return broker.wait_until_ready(running.bootstrap, _runs(running.home), within=1.0)


def _runs(folder: Path) -> Callable[[], bool]:
    return lambda: home.status(folder) is not None


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
