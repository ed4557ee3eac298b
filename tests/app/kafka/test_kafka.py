"""The settings of the Kafka clients, held against librdkafka itself."""

import logging
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from app.errors import KafkaSettingError, RiverrunError
from app.kafka.settings import OWNED, KafkaSettings

BROKER = "127.0.0.1:9"


def refusal(properties: dict[str, Any]) -> str:
    with pytest.raises(KafkaSettingError) as refused:
        KafkaSettings(BROKER, properties)
    assert isinstance(refused.value, RiverrunError)
    assert isinstance(refused.value, ValueError)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_every_client_gets_the_address_and_the_common_settings() -> None:
    settings = KafkaSettings(BROKER, {"security.protocol": "SSL", "client.rack": "a"})
    for client in (settings.consumer(), settings.producer(), settings.admin()):
        assert client["bootstrap.servers"] == BROKER
        assert client["security.protocol"] == "SSL"
        assert client["client.rack"] == "a"


def test_each_client_gets_only_what_means_something_to_it() -> None:
    settings = KafkaSettings(
        BROKER, {"linger.ms": 7, "fetch.min.bytes": 2, "socket.nagle.disable": True}
    )
    assert "linger.ms" not in settings.consumer()
    assert settings.consumer()["fetch.min.bytes"] == 2
    for client in (settings.producer(), settings.admin()):
        assert "fetch.min.bytes" not in client
        assert client["linger.ms"] == 7
        assert client["socket.nagle.disable"] is True


def test_librdkafka_takes_what_is_given_without_a_warning(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    settings = KafkaSettings(
        BROKER, {"linger.ms": 7, "fetch.min.bytes": 2, "compression.type": "zstd"}
    )
    with caplog.at_level(logging.WARNING):
        consumer = Consumer(settings.consumer({"group.id": "g"}))
        consumer.poll(0)
        consumer.close()
        Producer(settings.producer({"transactional.id": "t"})).poll(0)
        AdminClient(settings.admin()).poll(0)
    assert "CONFWARN" not in caplog.text
    assert capfd.readouterr().err == ""


def test_what_librdkafka_says_goes_to_the_log_of_python(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        producer = Producer(KafkaSettings(BROKER).producer())
        for _ in range(100):
            producer.poll(0.1)
            if "Connection refused" in caplog.text:
                break
    assert "Connection refused" in caplog.text
    assert {record.name for record in caplog.records} == {"riverrun.kafka"}
    assert capfd.readouterr().err == ""


def test_a_users_setting_overrides_a_default_of_a_client() -> None:
    settings = KafkaSettings(BROKER, {"linger.ms": 7})
    assert settings.producer({"linger.ms": 5, "compression.type": "lz4"})["linger.ms"] == 7
    assert settings.producer({"compression.type": "lz4"})["compression.type"] == "lz4"


@pytest.mark.parametrize("name", sorted(OWNED))
def test_a_setting_of_riverrun_is_refused_with_what_to_do(name: str) -> None:
    assert refusal({name: "1"}) == f"{name} is riverrun's own setting: {OWNED[name]}"


def test_librdkafka_knows_every_setting_that_is_riverruns() -> None:
    values = {"acks": "all", "auto.offset.reset": "latest", "partitioner": "random"} | {
        "isolation.level": "read_committed",
        "partition.assignment.strategy": "range",
        "group.protocol": "classic",
        "enable.idempotence": True,
        "request.required.acks": "all",
    }
    for name in OWNED:
        value = values.get(
            name, "6000" if name.endswith("ms") else "true" if "enable" in name else "1"
        )
        Consumer({"group.id": "g", "log_level": 0, name: value}).close()


def test_an_unknown_setting_is_refused_by_name() -> None:
    assert refusal({"sasl.pasword": "x"}) == '"sasl.pasword" is no setting of librdkafka'


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        (
            "security.protocol",
            "TLS",
            "security.protocol = TLS: must be PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
        ),
        ("fetch.min.bytes", "many", "fetch.min.bytes = many: Invalid value"),
        ("linger.ms", -5, "outside allowed range 0..900000"),
        ("error_cb", "x", "error_cb = x: expected error_cb property as a callable"),
        ("sasl.jaas.config", "x", "Java JAAS configuration is not supported"),
    ],
)
def test_an_impossible_value_is_refused_with_librdkafkas_reason(
    name: str, value: Any, what: str
) -> None:
    assert what in refusal({name: value})


@pytest.mark.parametrize(
    ("properties", "what"),
    [
        (
            {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"},
            "sasl.username and sasl.password must be set",
        ),
        ({"max.in.flight": 9}, "`max.in.flight` must be set <= 5"),
        ({"retries": 0}, "`retries` must be set >= 1"),
        (
            {"security.protocol": "SSL", "ssl.ca.location": "/nowhere.pem"},
            "ssl.ca.location = /nowhere.pem: there is no such file",
        ),
        (
            {"security.protocol": "SSL", "ssl.ca.location": __file__},
            "ssl.ca.location failed",
        ),
        (
            {"security.protocol": "SASL_SSL", "sasl.username": "ann"},
            "security.protocol = SASL_SSL: needs sasl.mechanism, such as SCRAM-SHA-512",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    properties: dict[str, Any], what: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert what in refusal(properties)
    assert capfd.readouterr().err == ""


def test_secrets_are_masked_wherever_settings_are_shown() -> None:
    secrets = {
        "sasl.password": "geheim-1",
        "ssl.key.password": "geheim-2",
        "ssl.keystore.password": "geheim-3",
        "sasl.oauthbearer.client.secret": "geheim-4",
        "sasl.oauthbearer.config": "geheim-5",
    }
    settings = KafkaSettings(BROKER, {"sasl.username": "ann", **secrets})
    for shown in (repr(settings), str(settings), f"{settings}"):
        assert "geheim" not in shown
        assert "'sasl.username': 'ann'" in shown
        assert shown.count("***") == len(secrets)
    assert settings.consumer()["sasl.password"] == "geheim-1"


def test_a_secret_is_not_in_the_error_about_it() -> None:
    properties = {"security.protocol": "SSL", "ssl.key.pem": "geheim"}
    assert "geheim" not in refusal(properties)
    assert "ssl.key.pem" in refusal(properties)
    assert "geheim" not in refusal(
        {"sasl.oauthbearer.method": "oidc", "sasl.oauthbearer.client.secrets": "geheim"}
    )


@pytest.mark.parametrize(
    "servers",
    [
        "localhost:9092",
        "a:9092,b.example.org:9093",
        "a:9092, b:9092",
        "[::1]:9092",
        "SSL://a:1",
        "a",
    ],
)
def test_an_address_is_taken(servers: str) -> None:
    assert KafkaSettings(servers).bootstrap_servers == servers


@pytest.mark.parametrize("servers", ["", " ", "a:9092,", "a:b", "http://a:9092/x", "a b:1"])
def test_what_is_no_address_is_refused(servers: str) -> None:
    with pytest.raises(KafkaSettingError, match="must be HOST:PORT"):
        KafkaSettings(servers)


def test_the_check_leaves_nothing_open() -> None:
    def threads() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    if not Path("/proc/self/task").exists():
        pytest.skip("counts threads in /proc")
    before = threads()
    for _ in range(5):
        KafkaSettings(BROKER, {"linger.ms": 5, "client.rack": "a"})
    assert threads() <= before + 1


def test_what_librdkafka_tries_again_by_itself_is_not_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = KafkaSettings("localhost:9092").producer()
    settings["logger"].warning("GETPID: Coordinator load in progress: retrying")
    settings["logger"].warning("FAIL: Connection refused")
    assert caplog.messages == ["FAIL: Connection refused"]
