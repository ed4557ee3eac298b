"""Kafka Connect's REST interface, as far as a sink needs it."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from app.errors import RiverrunError
from app.secrecy import without_logins

PATIENCE = 60.0
"""Seconds for which a Connect that is just rebalancing is asked again."""
TIMEOUT = 90.0
"""Seconds for one answer: Connect gives up after 90 itself."""
_AGAIN_SECONDS = 0.5
_MISSING = object()


class ConnectError(RiverrunError):
    """What Kafka Connect refuses, or does not have. The message is in its words."""


class ConnectAway(ConnectError, ConnectionError):
    """Kafka Connect does not answer."""


@dataclass(frozen=True)
class TaskStatus:
    """A task of a connector: its state as Connect calls it, where it runs, and why it failed."""

    number: int
    state: str
    worker: str
    error: str | None


@dataclass(frozen=True)
class Status:
    """What Connect says of a connector; its state and error as those of a task."""

    name: str
    state: str
    error: str | None
    tasks: tuple[TaskStatus, ...]

    @property
    def failed(self) -> bool:
        """Whether the connector or one of its tasks has stopped for an error."""
        return "FAILED" in (self.state, *(task.state for task in self.tasks))

    @property
    def running(self) -> bool:
        """Whether all of it runs."""
        states = {self.state, *(task.state for task in self.tasks)}
        return bool(self.tasks) and states == {"RUNNING"}


class Connect:
    """One Kafka Connect.

    Args:
        url: Of its REST interface, such as `http://localhost:8083`, with a login where it asks
            for one.
        patience: Seconds for which it is asked again while it rebalances.

    Raises:
        ConnectError: For a URL that is none.
    """

    def __init__(self, url: str, patience: float = PATIENCE) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            shown = without_logins(url)
            raise ConnectError(f"{shown}: must be a URL such as http://localhost:8083")
        host = parts.netloc.rpartition("@")[2]
        self.url = f"{parts.scheme}://{host}{parts.path.rstrip('/')}"
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if parts.username is not None:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
        self._patience = patience

    def faults(self, config: Mapping[str, str]) -> list[str]:
        """What the connector's own check says against a configuration, "name: what" each.

        Raises:
            ConnectError: There is no such connector, or it cannot check.
        """
        kind = quote(config["connector.class"], safe="")
        answer = self._ask("PUT", f"/connector-plugins/{kind}/config/validate", dict(config))
        found = [value["value"] for value in answer["configs"]]
        return [f"{value['name']}: {_line(error)}" for value in found for error in value["errors"]]

    def put(self, config: Mapping[str, str]) -> None:
        """Register a connector, or give it another configuration."""
        self._ask("PUT", f"/connectors/{quote(config['name'], safe='')}/config", dict(config))

    def status(self, name: str) -> Status | None:
        """How a connector is; None where there is none, or not yet."""
        answer = self._ask("GET", f"/connectors/{quote(name, safe='')}/status", missing=None)
        if answer is None:
            return None
        connector = answer["connector"]
        tasks = tuple(
            TaskStatus(task["id"], task["state"], task["worker_id"], _cause(task.get("trace")))
            for task in answer["tasks"]
        )
        return Status(name, connector["state"], _cause(connector.get("trace")), tasks)

    def restart(self, name: str) -> None:
        """Start again what of a connector has failed."""
        path = f"/connectors/{quote(name, safe='')}/restart?includeTasks=true&onlyFailed=true"
        self._ask("POST", path)

    def delete(self, name: str) -> bool:
        """Delete a connector; its offsets stay. Returns whether it was there."""
        gone: object = self._ask("DELETE", f"/connectors/{quote(name, safe='')}", missing=_MISSING)
        return gone is not _MISSING

    def _ask(self, method: str, path: str, body: Any = None, missing: Any = ...) -> Any:
        """An answer; `missing` where what is asked for is not there."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return self._asked_once(method, path, body)
            except urllib.error.HTTPError as error:
                why = _message(error)
                if error.code == HTTPStatus.NOT_FOUND and missing is not ...:
                    return missing
                rebalances = error.code == HTTPStatus.CONFLICT
                if not rebalances or time.monotonic() > deadline:
                    raise ConnectError(f"Kafka Connect at {self.url}: {why}") from None
            except (OSError, ValueError) as error:
                reason = getattr(error, "reason", None) or error
                raise ConnectAway(f"no Kafka Connect at {self.url}: {reason}") from None
            time.sleep(_AGAIN_SECONDS)

    def _asked_once(self, method: str, path: str, body: Any) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, self._headers, method=method)
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # nosec B310 # http only
            return json.loads(answer.read() or b"null")


def _message(error: urllib.error.HTTPError) -> str:
    try:
        with error:
            return _line(str(json.loads(error.read())["message"]))
    except (OSError, ValueError, KeyError, TypeError):
        return f"{error.code} {error.reason}"


def _line(text: str) -> str:
    """Words of Connect in one line, which may name addresses."""
    return without_logins(" ".join(text.split()))


def _cause(trace: str | None) -> str | None:
    """The innermost cause of a Java stack trace: "org.example.Error: words"."""
    if not trace:
        return None
    causes = [line for line in trace.splitlines() if line.startswith("Caused by: ")]
    return _line(causes[-1].removeprefix("Caused by: ") if causes else trace.splitlines()[0])
