"""A worker and a reader with the rights of docs/security.md, and without one of them."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from app.kafka.admin import ensure_topics
from app.kafka.rights import group_rights, needed, spelt, topic_rights
from app.kafka.settings import KafkaSettings
from app.local_kafka import LocalKafka
from app.pipeline.load import Pipeline, load_pipeline
from tests.kafka.commands import Commands
from tests.kafka.guarded import Acls, Right, documented, jaas, login
from tests.kafka.running import wait_until

PASSWORDS = {"admin": "a-secret", "pumps": "b-secret", "rita": "c-secret"}
ALL_KINDS_OF_TOPICS = """\
name = "pay"
[events]
topic = "pay.events.v1"
id = "id"
key = "card"
[labels]
topic = "pay.labels.v1"
label = "y"
[[entities]]
field = "card"
features = ["count"]
windows = ["1d"]
[[entities]]
field = "shop"
features = ["count"]
windows = ["1d"]
[[entities]]
field = "city"
features = ["count"]
windows = ["1d"]
[predictions]
topic = "pay.predictions.v1"
[decisions]
topic = "pay.alerts.v1"
threshold = 0.5
[metrics]
topic = "pay.metrics.v1"
window = "1h"
[learner]
type = "logistic_regression"
[topics]
partitions = 1
[worker]
name = "a"
"""


class Done(NamedTuple):
    """How a command ended, and what it wrote to standard error."""

    returncode: int | None
    stderr: str


class Scene(NamedTuple):
    """A broker with an authorizer, the pipeline's topics, and a user for a worker and a reader."""

    bootstrap: str
    file: Path
    pipeline: Pipeline
    admin: KafkaSettings
    asking: AdminClient
    worker: Acls
    reader: Acls

    def send(self, count: int, first: int) -> None:
        """Events with their labels, and one that is none."""
        producer = Producer(self.admin.producer())
        for n in range(first, first + count):
            event = {"id": str(n), "card": "c", "shop": f"s{n % 3}", "city": "e", "x": n}
            producer.produce("pay.events.v1", json.dumps(event).encode())
            producer.produce("pay.labels.v1", json.dumps({"id": str(n), "y": n % 2}).encode())
        producer.produce("pay.events.v1", b"no event")
        assert producer.flush(30) == 0

    def committed(self) -> int:
        """The offset of the events that the workers have committed."""
        asked = [ConsumerGroupTopicPartitions("pay", [TopicPartition("pay.events.v1", 0)])]
        (answer,) = self.asking.list_consumer_group_offsets(asked).values()
        return int(answer.result(30).topic_partitions[0].offset)

    def commands(self, user: str) -> Commands:
        """Commands of this user."""
        environ = {
            f"RIVERRUN_KAFKA__{key.upper().replace('.', '_')}": value
            for key, value in login(user, PASSWORDS[user]).items()
        }
        return Commands(self.bootstrap, self.file, environ)

    def run(self, user: str, command: str, *options: str) -> Done:
        """A command of riverrun to its end."""
        process = self.commands(user).start(command, *options)
        _, errors = process.communicate()
        return Done(process.returncode, errors)

    @contextmanager
    def working(self) -> Iterator[None]:
        """A worker with the rights of its user; it must stop by itself."""
        process = self.commands("pumps").start("worker")
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate()
        assert process.returncode == 0, log
        assert "WARNING riverrun.worker: this user" not in log


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    config = {
        "listener.security.protocol.map": "BROKER:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.broker.plain.sasl.jaas.config": jaas(**PASSWORDS),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": "User:admin;User:ANONYMOUS",
    }
    file = tmp_path_factory.mktemp("rights") / "pay.toml"
    file.write_text(ALL_KINDS_OF_TOPICS)
    pipeline = load_pipeline(file)
    client = login("admin", PASSWORDS["admin"])
    with LocalKafka(config=config, client=client) as local:
        settings = KafkaSettings(local.bootstrap, client)
        ensure_topics(pipeline, settings)
        admin = AdminClient(settings.admin())
        worker, reader = Acls(admin, "pumps"), Acls(admin, "rita")
        worker.grant(documented(pipeline, "a worker"))
        reader.grant(documented(pipeline, "a reader"))
        yield Scene(local.bootstrap, file, pipeline, settings, admin, worker, reader)


SEVERAL = 'shared = "learner"\nlearners = 2\nlearner = { type = "arow" }'


@pytest.mark.parametrize("shared", ["", 'shared = "learner"', 'shared = "mix"', SEVERAL])
def test_the_docs_list_what_a_worker_asks_for(tmp_path: Path, shared: str) -> None:
    file = tmp_path / "pay.toml"
    text = ALL_KINDS_OF_TOPICS.replace("[topics]", f"{shared}\n[topics]")
    file.write_text(text.replace("logistic_regression", "bagging") if shared == SEVERAL else text)
    pipeline = load_pipeline(file)
    asked = {
        (kind, name, spelt(operation))
        for kind, rights in (
            ("topic", topic_rights(pipeline)),
            ("group", group_rights(pipeline)),
        )
        for name, operations in rights.items()
        for operation in operations
    }
    said = documented(pipeline, "a worker")
    assert asked == {right[:3] for right in said if right.kind != "transactional id"}
    assert {right[1:] for right in said if right.kind == "transactional id"} == {
        ("pay/", "Write", True)
    }


@pytest.mark.timeout(300)
def test_these_rights_are_enough_to_score_commit_restore_and_read(scene: Scene) -> None:
    start = max(0, scene.committed())
    for round in (1, 2):  # the second one restores
        scene.send(20, 20 * round)
        with scene.working():
            wait_until(lambda end=start + 21 * round: scene.committed() == end, 120)
    for command, *options in (["inspect"], ["evaluate"], ["state check"], ["dead-letters", "list"]):
        done = scene.run("rita", command, *options)
        assert done.returncode == 0, (command, done.stderr)


TAKEN = [
    ("topic", "pay.events.v1", "Read"),
    ("topic", "pay.predictions.v1", "Read"),
    ("topic", "pay.predictions.v1", "Write"),
    ("topic", "pay.state.v1", "Read"),
    ("topic", "pay.by-shop.v1", "Write"),
    ("topic", "pay.metrics.v1", "Write"),
    ("group", "pay", "Read"),
]


@contextmanager
def without(acls: Acls, right: Right) -> Iterator[None]:
    acls.take(right)
    try:
        yield
    finally:
        acls.grant([right])


@pytest.mark.parametrize("taken", TAKEN, ids=" ".join)
def test_a_worker_without_one_right_says_which_before_it_begins(
    scene: Scene, taken: tuple[str, str, str]
) -> None:
    kind, name, operation = taken
    with without(scene.worker, Right(kind, name, operation)):
        # Where nothing else lets the user see the topic, Describe is asked of it by its name.
        done = scene.run("pumps", "worker")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last == f"riverrun: {needed([f'{operation} {kind} {name}'])}" or (
        f"topic {name} cannot be created: this user has no right to" in last
        and "where it is there already" in last
    )
    assert "rolled back" not in done.stderr


def test_a_worker_without_a_right_to_its_transactional_id_names_it(scene: Scene) -> None:
    with without(scene.worker, Right("transactional id", "pay/", "Write", True)):
        done = scene.run("pumps", "worker")
    assert done.returncode == 1
    assert "transactional id pay/a" in done.stderr.splitlines()[-1]
    assert "AUTHORIZATION_FAILED" in done.stderr.splitlines()[-1]


def test_without_describing_settings_a_worker_goes_on_with_a_warning(scene: Scene) -> None:
    right = Right("topic", "pay.labels.v1", "DescribeConfigs")
    missing = Right("group", "pay", "Read")  # so that it ends by itself
    with without(scene.worker, right), without(scene.worker, missing):
        done = scene.run("pumps", "worker")
    warning = "this user has no right to DescribeConfigs topic pay.labels.v1: its settings are"
    assert warning in done.stderr


@pytest.mark.parametrize(
    ("command", "taken"),
    [
        ("inspect", ("topic", "pay.state.v1", "Read")),
        ("inspect", ("group", "pay", "Describe")),
        ("evaluate", ("topic", "pay.predictions.v1", "Read")),
    ],
)
def test_a_reader_without_one_right_is_told_of_what(
    scene: Scene, command: str, taken: tuple[str, str, str]
) -> None:
    with without(scene.reader, Right(*taken)):
        done = scene.run("rita", command)
    kind, name, operation = taken
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"riverrun: {needed([f'{operation} {kind} {name}'])}"
