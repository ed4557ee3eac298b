"""The folder of one local broker: its files, its lock, and who runs on it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.errors import LocalKafkaError, LocalKafkaInUse
from app.local_kafka.lock import is_locked, try_lock


@dataclass(frozen=True)
class Status:
    """A broker that runs: its process, its address `host:port` and its folder."""

    pid: int
    bootstrap: str
    home: Path


def default_home(environ: Mapping[str, str] = os.environ) -> Path:
    """RIVERRUN_KAFKA_HOME, else a folder among the user's state (XDG)."""
    if home := environ.get("RIVERRUN_KAFKA_HOME"):
        return Path(home).expanduser()
    state = environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "riverrun" / "kafka"


def data_folder(home: Path) -> Path:
    """Where the broker keeps topics."""
    return home / "data"


def settings_file(home: Path) -> Path:
    """The broker's settings."""
    return home / "server.properties"


def log_file(home: Path) -> Path:
    """What the broker says: warnings and errors since its last start."""
    return home / "broker.log"


def try_take(home: Path) -> int | None:
    """The lock of the folder, which is made first; None where a broker runs on it.

    The broker inherits the descriptor, and so holds the lock for as long as it lives.
    """
    return try_lock(_lock_file(home))


def take(home: Path) -> int:
    """As `try_take`.

    Raises:
        LocalKafkaInUse: A broker runs on the folder.
    """
    lock = try_take(home)
    if lock is None:
        running = last_status(home)
        who = f"process {running.pid} on {running.bootstrap}" if running else "one that starts"
        raise LocalKafkaInUse(f"a Kafka runs on {home} already: {who}")
    return lock


def status(home: Path) -> Status | None:
    """The broker that runs on the folder, if one does."""
    return last_status(home) if is_locked(_lock_file(home)) else None


def last_status(home: Path) -> Status | None:
    """The broker that was last started on the folder, whether or not it still runs."""
    try:
        state = json.loads(_status_file(home).read_text())
        return Status(int(state["pid"]), str(state["bootstrap"]), home)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_status(status: Status) -> None:
    """Note who runs, for `status`. Readers see the whole note or none."""
    file = _status_file(status.home)
    aside = file.with_suffix(".new")
    try:
        aside.write_text(json.dumps({"pid": status.pid, "bootstrap": status.bootstrap}) + "\n")
        aside.replace(file)
    except OSError as error:
        raise LocalKafkaError(f"cannot write {file}: {error.strerror}") from None


def forget_status(home: Path) -> None:
    """Take back the note about a broker that is gone."""
    _status_file(home).unlink(missing_ok=True)


def _lock_file(home: Path) -> Path:
    return home / "lock"


def _status_file(home: Path) -> Path:
    return home / "status.json"
