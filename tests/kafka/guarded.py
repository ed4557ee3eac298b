"""Brokers that ask who somebody is, and what he may do."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from app.kafka.rights import spelt
from app.pipeline.model import Pipeline
from app.pipeline.stages import decides_for_all
from tests.markdown import ROOT, rows

OPERATIONS = {spelt(operation): operation for operation in AclOperation}
_KINDS = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional id": ResourceType.TRANSACTIONAL_ID,
}


class Right(NamedTuple):
    """One ACL, without whose it is: `operation` as Kafka's tools write it."""

    kind: str
    name: str
    operation: str
    prefixed: bool = False


def jaas(**users: str) -> str:
    """Users of the mechanism PLAIN with their passwords; the broker itself is `admin`."""
    listed = " ".join(f'user_{name}="{password}"' for name, password in users.items())
    return (
        "org.apache.kafka.common.security.plain.PlainLoginModule required"
        f' username="admin" password="{users["admin"]}" {listed};'
    )


def login(user: str, password: str) -> dict[str, str]:
    """Librdkafka's settings of a user of `jaas`."""
    return {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": user,
        "sasl.password": password,
    }


def certificate(folder: Path) -> Path:
    """A key and a certificate for 127.0.0.1 in `both.pem`, the certificate alone in `cert.pem`."""
    folder.mkdir()
    key, cert = folder / "key.pem", folder / "cert.pem"
    wanted = ["-newkey", "rsa:2048", "-nodes", "-subj", "/CN=riverrun test", "-days", "2"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        ["openssl", "req", "-x509", *wanted, *names, "-keyout", key, "-out", cert],
        check=True,
        capture_output=True,
    )
    (folder / "both.pem").write_text(key.read_text() + cert.read_text())
    return cert


def documented(pipeline: Pipeline, column: str) -> list[Right]:
    """The rights of docs/security.md under "a worker" or "a reader", as of a pipeline."""
    table = rows(ROOT / "docs" / "security.md")
    header = next(row for row in table if row[0] == "resource")
    return [
        Right(row[0], name, operation, "begin with" in row[1])
        for row in table
        if row[0] in _KINDS
        for name in _names(row[1], pipeline)
        for operation in row[header.index(column)].split(", ")
        if operation
    ]


def _names(cell: str, pipeline: Pipeline) -> Iterator[str]:
    said = re.search("`(.+?)`", cell)
    assert said is not None, cell
    if said[1].endswith(".topic"):
        table = getattr(pipeline, said[1].removesuffix(".topic"))
        if table is not None:
            yield table.topic
        return
    if not _is_of(cell, pipeline):
        return
    keyed = [entity.field for entity in pipeline.entities if entity.field is not None]
    fields = set(keyed) - {pipeline.events.key}
    *_, last = keyed
    for field in fields if "FIELD" in said[1] else {""}:
        name = said[1].replace("NAME", pipeline.name).replace("FIELD", field)
        if name != f"{pipeline.name}.by-{last}.state.v1":  # that is NAME.state.v1
            yield name


def _is_of(cell: str, pipeline: Pipeline) -> bool:
    """Whether a pipeline has the topic, as far as that depends on `learner.shared`."""
    shared = re.search('`learner.shared = "(.+?)"`', cell)
    if shared is None:
        return True
    decides = "budget" not in cell or decides_for_all(pipeline)
    several = "learner.learners" not in cell or pipeline.learner.learners > 1
    return pipeline.learner.shared == shared[1] and decides and several


class Acls:
    """Grants rights, and takes them away again.

    Args:
        admin: Of a user who may.
        user: Whose rights they are.
    """

    def __init__(self, admin: AdminClient, user: str) -> None:
        self._admin = admin
        self._user = f"User:{user}"

    def grant(self, rights: Iterable[Right]) -> None:
        """More of them."""
        bindings = [AclBinding(*self._said(right)) for right in rights]
        for answer in self._admin.create_acls(bindings).values():
            answer.result(30)
        time.sleep(0.5)  # the broker follows its controller

    def take(self, right: Right) -> None:
        """One of them."""
        where = AclBindingFilter(*self._said(right))
        (answer,) = self._admin.delete_acls([where]).values()
        assert answer.result(30), f"there was no {right}"
        time.sleep(0.5)

    def _said(self, right: Right) -> tuple[Any, ...]:
        pattern = ResourcePatternType.PREFIXED if right.prefixed else ResourcePatternType.LITERAL
        kind, operation = _KINDS[right.kind], OPERATIONS[right.operation]
        return kind, right.name, pattern, self._user, "*", operation, AclPermissionType.ALLOW
