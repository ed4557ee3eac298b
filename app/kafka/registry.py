"""A schema registry with Confluent's API, asked until it answers."""

from __future__ import annotations

import atexit
import json
import logging
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any, TypeVar

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from app.errors import RegistryAway, RegistryError
from app.secrecy import without_login

T = TypeVar("T")

log = logging.getLogger("riverrun.registry")
for _client in ("httpx", "httpx2"):  # they log each address, with its login
    logging.getLogger(_client).setLevel(logging.WARNING)

REGISTER = "auto.register.schemas"
"""Our own setting: whether schemas may be registered. Its name is that of Confluent's clients."""

PATIENCE = 30.0
"""Seconds for which a registry that does not answer is asked again."""
_AGAIN_SECONDS = 1.0
_TOLD_SECONDS = 10.0
_FORGET_SECONDS = 30.0
"""After so long a schema that was not there is asked for again."""
_PASSES = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


def client(settings: Mapping[str, Any]) -> SchemaRegistryClient:
    """A client; it connects when it is asked something.

    Raises:
        ValueError, TypeError, OSError: For settings that cannot be.
    """
    own = {name: value for name, value in settings.items() if name != REGISTER}
    return SchemaRegistryClient({"timeout": 5, "max.retries": 0, **own})


class SchemaRegistry:
    """Schemas by their ids, each asked for once; see `topics.avro.Registry`.

    Args:
        settings: Those of Confluent's client by their dotted names, and `auto.register.schemas`.
        patience: Seconds for which it is asked again where it does not answer.
    """

    def __init__(self, settings: Mapping[str, Any], patience: float = PATIENCE) -> None:
        self.url = without_login(str(settings["url"]))
        self._client = client(settings)
        self._may_register = bool(settings.get(REGISTER, True))
        self._patience = patience
        self._schemas: dict[int, str] = {}
        self._unknown: dict[int, float] = {}
        self._ids: dict[tuple[str, str], int] = {}

    def close(self) -> None:
        """Close its connections; those of a shared one are closed at the end of the program."""
        self._client.__exit__(None, None, None)

    def knows(self, id_: int) -> bool:
        """Whether the answer about a schema is at hand, without asking."""
        return id_ in self._schemas or time.monotonic() < self._unknown.get(id_, 0.0)

    def schema(self, id_: int, patience: float | None = None) -> str | None:
        """The schema of an id; None where the registry knows none."""
        if not self.knows(id_):
            what = f"schema {id_}"
            found = self._ask(lambda: self._client.get_schema(id_), what, patience)
            if found is None:
                self._unknown[id_] = time.monotonic() + _FORGET_SECONDS
            else:
                self._schemas[id_] = _text(found)
        return self._schemas.get(id_)

    def latest(self, subject: str) -> tuple[int, str] | None:
        """The newest schema of a subject, with its id; None where it has none."""
        found = self._ask(
            lambda: self._client.get_latest_version(subject), f"the newest schema of {subject}"
        )
        if found is None or found.schema_id is None:
            return None
        return found.schema_id, _text(found.schema)

    def register(self, subject: str, schema: str) -> int:
        """The id of a schema, which is registered if need be.

        Raises:
            RegistryError: It is not compatible, or must not be registered and is not there.
        """
        if (subject, schema) not in self._ids:
            self._ids[subject, schema] = self._registered(subject, Schema(schema, "AVRO"))
        return self._ids[subject, schema]

    def _registered(self, subject: str, schema: Schema) -> int:
        if self._may_register:
            what = f"the schema of {subject}"
            id_ = self._ask(lambda: self._client.register_schema(subject, schema), what)
            if id_ is not None:
                return int(id_)
        found = self._ask(lambda: self._client.lookup_schema(subject, schema), subject)
        if found is None or found.schema_id is None:
            raise RegistryError(
                f"schema registry {self.url}: {subject} does not have the schema that is to be"
                f" written, and registry.{REGISTER} is false; register {schema.schema_str}"
            )
        return found.schema_id

    def _ask(self, ask: Callable[[], T], what: str, patience: float | None = None) -> T | None:
        """The answer; None where what is asked for is not there.

        Raises:
            RegistryAway: No answer within the patience.
            RegistryError: The registry refuses.
        """
        patience = self._patience if patience is None else patience
        begun = time.monotonic()
        told = begun - _TOLD_SECONDS
        while True:
            try:
                return ask()
            except SchemaRegistryError as error:
                status = error.http_status_code
                if status == HTTPStatus.NOT_FOUND:
                    return None
                if status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _PASSES:
                    raise RegistryError(
                        f"schema registry {self.url} refuses {what}: {error}"
                    ) from None
                why = str(error)
            except Exception as error:  # of its HTTP client: whatever it is, nothing came
                why = f"{type(error).__name__} {error}"
            now = time.monotonic()
            if now - begun >= patience:
                raise RegistryAway(f"schema registry {self.url}: no answer about {what}: {why}")
            if now - told >= _TOLD_SECONDS:
                log.warning("schema registry %s: waiting for %s: %s", self.url, what, why)
                told = now
            time.sleep(_AGAIN_SECONDS)


def _text(schema: Any) -> str:
    """The schema; one that refers to others cannot be read by itself, and says so."""
    if getattr(schema, "schema_type", "AVRO") not in (None, "AVRO"):
        return json.dumps({"type": f"not avro but {schema.schema_type}"})
    return str(schema.schema_str)


@lru_cache
def _shared(settings: tuple[tuple[str, Any], ...]) -> SchemaRegistry:
    made = SchemaRegistry(dict(settings))
    atexit.register(made.close)
    return made


def registry_of(table: Mapping[str, Any]) -> SchemaRegistry:
    """The registry of a table [registry]; the same one, with what it knows, each time."""
    return _shared(tuple(sorted(table.items())))
