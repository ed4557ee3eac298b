"""Passwords, rights and TLS against brokers that ask for them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from app.errors import BrokerUnreachable, TopicError
from app.kafka.admin import ensure_topics
from app.kafka.settings import KafkaSettings
from app.local_kafka import LocalKafka
from tests.kafka.guarded import certificate, jaas, login
from tests.kafka.test_admin import of_topics, pipeline

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """A broker that asks for a password, and lets only its administrator create topics."""
    config = {
        "listener.security.protocol.map": "BROKER:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.broker.plain.sasl.jaas.config": jaas(admin="a-secret", ann="b-secret"),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:admin;User:ANONYMOUS",
    }
    with LocalKafka(config=config, client=login("admin", "a-secret")) as local:
        yield local.bootstrap


def test_a_user_with_a_password_creates_topics(guarded: str, topic_name: str) -> None:
    settings = KafkaSettings(guarded, login("admin", "a-secret"))
    assert of_topics(ensure_topics(pipeline(topic_name), settings))


def test_a_wrong_password_is_said_so_and_not_shown(guarded: str) -> None:
    settings = KafkaSettings(guarded, login("admin", "wrong-secret"))
    with pytest.raises(BrokerUnreachable, match=r"[Aa]uthentication failed") as refused:
        ensure_topics(pipeline("any"), settings, timeout=3)
    assert "wrong-secret" not in str(refused.value)


def test_a_user_without_the_right_is_told_which_topic(guarded: str, topic_name: str) -> None:
    wanted = pipeline(topic_name)
    settings = KafkaSettings(guarded, login("ann", "b-secret"))
    with pytest.raises(TopicError, match="this user has no right to") as refused:
        ensure_topics(wanted, settings)
    assert f"topic {wanted.events.topic} cannot be created" in str(refused.value)


@needs_openssl
def test_records_go_through_tls_and_a_wrong_certificate_is_refused(tmp_path: Path) -> None:
    trusted, other = certificate(tmp_path / "trusted"), certificate(tmp_path / "other")
    config = {
        "listener.security.protocol.map": "BROKER:SSL,CONTROLLER:PLAINTEXT",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(trusted.with_name("both.pem")),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(trusted),
    }
    client = {"security.protocol": "SSL", "ssl.ca.location": str(trusted)}
    with LocalKafka(config=config, client=client) as local:
        settings = KafkaSettings(local.bootstrap, client)
        wanted = pipeline("tls", partitions=1)
        ensure_topics(wanted, settings)
        producer = Producer(settings.producer({"transactional.id": "tls"}))
        producer.init_transactions(30)
        producer.begin_transaction()
        producer.produce(wanted.events.topic, b"1")
        producer.commit_transaction(30)
        own = {"group.id": "tls", "auto.offset.reset": "earliest"}
        consumer = Consumer(settings.consumer(own))
        consumer.subscribe([wanted.events.topic])
        message = consumer.poll(30)
        consumer.close()
        assert message is not None
        assert message.value() == b"1"
        strange = KafkaSettings(local.bootstrap, client | {"ssl.ca.location": str(other)})
        with pytest.raises(BrokerUnreachable, match="certificate"):
            ensure_topics(wanted, strange, timeout=3)
