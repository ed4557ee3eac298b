"""Workers over TLS, with and without SASL/SCRAM; whoever is not to be trusted is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from app.errors import BrokerUnreachable
from app.kafka.admin import ensure_topics
from app.kafka.cluster import Cluster
from app.kafka.reading import reading
from app.kafka.settings import KafkaSettings
from app.local_kafka import LocalKafka
from app.local_kafka.broker import HOST, free_ports
from app.pipeline.load import load_pipeline
from tests.kafka.guarded import certificate, jaas
from tests.kafka.running import Stream, pipeline_file, synthetic, wait_until, workers

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")

PLACE = {"SASL_SSL": "with SCRAM-SHA-512", "SSL": "without a password"}


class Guarded(NamedTuple):
    """A broker that listens with TLS alone, and with TLS and SASL.

    Attributes:
        ports: By the security protocol.
        ca: The certificate that its own is to be checked with.
        other: The certificate of somebody else.
    """

    ports: dict[str, int]
    ca: Path
    other: Path

    def client(self, protocol: str) -> dict[str, str]:
        """Librdkafka's settings of who is let in."""
        client = {"security.protocol": protocol, "ssl.ca.location": str(self.ca)}
        if protocol == "SASL_SSL":
            client |= {"sasl.mechanism": "SCRAM-SHA-512"}
            client |= {"sasl.username": "ann", "sasl.password": "b-secret"}
        return client

    def settings(self, protocol: str, host: str = HOST, **other: str) -> KafkaSettings:
        """The same, some of it `other`, with `_` for the dots."""
        changed = {key.replace("_", "."): value for key, value in other.items()}
        return KafkaSettings(f"{host}:{self.ports[protocol]}", self.client(protocol) | changed)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("certificates")
    ca, other = certificate(folder / "ca"), certificate(folder / "other")
    (sasl, controller), (tls, _) = free_ports(None), free_ports(None)
    listeners = f"BROKER://{HOST}:{sasl},TLS://{HOST}:{tls}"
    config = {
        "listeners": f"{listeners},CONTROLLER://{HOST}:{controller}",
        "advertised.listeners": listeners,
        "controller.quorum.voters": f"1@{HOST}:{controller}",
        "listener.security.protocol.map": "BROKER:SASL_SSL,TLS:SSL,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.broker.plain.sasl.jaas.config": jaas(admin="a-secret"),
        "listener.name.broker.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(ca.with_name("both.pem")),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(ca),
    }
    made = Guarded({"SASL_SSL": sasl, "SSL": tls}, ca, other)
    first = made.client("SASL_SSL") | {"sasl.mechanism": "PLAIN"}
    first |= {"sasl.username": "admin", "sasl.password": "a-secret"}
    with LocalKafka(port=sasl, config=config, client=first) as local:
        _add_user(KafkaSettings(local.bootstrap, first))
        yield made


def _add_user(admin: KafkaSettings) -> None:
    scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    ann = UserScramCredentialUpsertion("ann", scram, b"b-secret")
    client = AdminClient(admin.admin())
    for answer in client.alter_user_scram_credentials([ann]).values():
        answer.result(30)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("protocol", PLACE, ids=PLACE.get)
def test_a_worker_scores_and_commits_over_tls(
    guarded: Guarded, tmp_path: Path, topic_name: str, protocol: str
) -> None:
    tables = {"kafka": guarded.client(protocol)}
    file = pipeline_file(tmp_path, topic_name, {"type": "passive_aggressive"}, 1, **tables)
    pipeline, kafka = load_pipeline(file), guarded.settings(protocol)
    ensure_topics(pipeline, kafka)
    producer = Producer(kafka.producer())
    for event in synthetic(1, 50):
        producer.produce(pipeline.events.topic, json.dumps(event).encode())
    assert producer.flush(30) == 0
    stream = Stream(kafka.bootstrap_servers, file, pipeline)
    with workers(stream, "a") as (worker,), reading(pipeline, kafka) as reader:
        events = pipeline.events.topic
        wait_until(lambda: reader.committed(events) == {0: 50}, 120)
        assert worker.stop() == 0
        assert len(list(reader.read(pipeline.predictions.topic))) == 50


def refusal(settings: KafkaSettings) -> str:
    with pytest.raises(BrokerUnreachable) as refused:
        Cluster(settings, 5).topics()
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("protocol", PLACE, ids=PLACE.get)
def test_a_certificate_for_another_host_is_refused(guarded: Guarded, protocol: str) -> None:
    said = refusal(guarded.settings(protocol, "localhost"))  # the certificate says 127.0.0.1
    assert f"localhost:{guarded.ports[protocol]}" in said
    assert "certificate verify failed" in said
    assert "or the certificate is for another host name" in said


@pytest.mark.parametrize("protocol", PLACE, ids=PLACE.get)
def test_a_certificate_of_somebody_else_is_refused(guarded: Guarded, protocol: str) -> None:
    said = refusal(guarded.settings(protocol, ssl_ca_location=str(guarded.other)))
    assert "certificate verify failed" in said
    assert "ssl.ca.location" in said


@pytest.mark.parametrize(
    "wrong", [{"sasl_password": "x-secret"}, {"sasl_username": "sue"}], ids=["password", "user"]
)
def test_a_wrong_password_is_refused_and_not_shown(guarded: Guarded, wrong: dict[str, str]) -> None:
    said = refusal(guarded.settings("SASL_SSL", **wrong))
    assert "invalid credentials with SASL mechanism SCRAM-SHA-512" in said
    assert "secret" not in said


def test_a_mechanism_that_the_broker_does_not_take_is_named_with_those_it_takes(
    guarded: Guarded,
) -> None:
    said = refusal(guarded.settings("SASL_SSL", sasl_mechanism="SCRAM-SHA-256"))
    assert "SCRAM-SHA-256" in said
    assert "PLAIN,SCRAM-SHA-512" in said


def test_a_client_without_tls_is_told_what_to_look_at(guarded: Guarded) -> None:
    said = refusal(KafkaSettings(f"{HOST}:{guarded.ports['SSL']}", {}))
    assert "security.protocol" in said
