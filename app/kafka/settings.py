"""One settings object for every Kafka client: consumer, producer, admin.

Librdkafka's settings pass through by their own dotted names, and librdkafka itself is asked
which there are: what is let through here works with the version that is installed.
"""

import logging
import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from confluent_kafka import Consumer, KafkaException, Producer

from app.errors import KafkaSettingError, UnknownKafkaSetting
from app.secrecy import HIDDEN, is_secret, without_login

LOGGER = logging.getLogger("riverrun.kafka")
# What librdkafka tries again by itself is no news: a broker that starts is full of it.
LOGGER.addFilter(lambda record: not record.getMessage().endswith(": retrying"))

_DEFAULTS = {"reconnect.backoff.max.ms": 2000}  # a broker that is back is soon found

_ADDRESS = re.compile(r"([A-Z_]+://)?(\[[0-9A-Fa-f:]+\]|[^\s:,/@]+)(:\d{1,5})?")
_EXACTLY_ONCE = "exactly once depends on it"
_FILES = (
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.crl.location",
    "ssl.key.location",
    "ssl.keystore.location",
)
_MECHANISM = {"sasl.mechanism", "sasl.mechanisms"}
_PROTOCOLS = "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"
OWNED = {
    "acks": _EXACTLY_ONCE,
    "auto.offset.reset": "set worker.start",
    "bootstrap.servers": "set KAFKA_BOOTSTRAP_SERVERS or --bootstrap-servers",
    "delivery.timeout.ms": "set worker.transaction_timeout",
    "enable.auto.commit": _EXACTLY_ONCE,
    "enable.auto.offset.store": _EXACTLY_ONCE,
    "enable.idempotence": _EXACTLY_ONCE,
    "enable.partition.eof": "the restore depends on it",
    "group.id": "it is the name of the pipeline",
    "group.instance.id": "set worker.name",
    "group.protocol": "a worker speaks the classic one",
    "heartbeat.interval.ms": "set worker.session_timeout",
    "isolation.level": _EXACTLY_ONCE,
    "log_level": "set the level of the program's log",
    "message.timeout.ms": "set worker.transaction_timeout",
    "metadata.broker.list": "set KAFKA_BOOTSTRAP_SERVERS or --bootstrap-servers",
    "partition.assignment.strategy": "topics of one pipeline stay together only under range",
    "partitioner": "a key keeps its partition",
    "request.required.acks": _EXACTLY_ONCE,
    "session.timeout.ms": "set worker.session_timeout",
    "transaction.timeout.ms": "set worker.transaction_timeout",
    "transactional.id": "it is the name of the pipeline and of the worker",
}
"""Settings that riverrun decides, each with the reason or with what to set instead."""


SERVERS = "bootstrap.servers"


def named_servers(table: Mapping[str, Any]) -> str | None:
    """The cluster that a table [kafka] names."""
    return str(table[SERVERS]) if table.get(SERVERS) else None


@dataclass(frozen=True, repr=False)
class KafkaSettings:
    """How to reach a cluster, the same for every client.

    Parameters:
        bootstrap_servers: `host:port`, several with commas.
        properties: Settings of librdkafka by their dotted names.

    Raises:
        KafkaSettingError: A setting that librdkafka does not know or refuses, or that is
            riverrun's own. Names the setting, never the value of a secret.

    Example:
        >>> KafkaSettings("localhost:9092", {"sasl.password": "geheim", "client.rack": "a"})
        KafkaSettings('localhost:9092', {'sasl.password': '***', 'client.rack': 'a'})
    """

    bootstrap_servers: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    _not_consumers: frozenset[str] = field(init=False, compare=False)
    _not_producers: frozenset[str] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        _check_addresses(self.bootstrap_servers)
        for name in self.properties:
            if name in OWNED:
                raise KafkaSettingError(f"{name} is riverrun's own setting: {OWNED[name]}")
        ignored = {name: _ignored_by(name, value) for name, value in self.properties.items()}
        for kind in ("consumer", "producer"):
            names = frozenset(name for name, kinds in ignored.items() if kind in kinds)
            object.__setattr__(self, f"_not_{kind}s", names)
        self._check_together()

    @classmethod
    def of(cls, table: Mapping[str, Any], servers: str) -> Self:
        """Of a table [kafka]; `servers` take the place of those that it names."""
        return cls(servers, {name: value for name, value in table.items() if name != SERVERS})

    def consumer(self, own: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Librdkafka's settings of a consumer.

        Args:
            own: Settings of this consumer. Those of `OWNED` cannot be overridden, the rest are
                defaults that the user's settings override.
        """
        return self._client(own, self._not_consumers) | {"logger": LOGGER}

    def producer(self, own: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """As `consumer`, for a producer."""
        return self._client(own, self._not_producers) | {"logger": LOGGER}

    def admin(self) -> dict[str, Any]:
        """Librdkafka's settings of an admin client, which raises what others would log."""
        return self._client({"log_level": 0}, self._not_producers)

    def __repr__(self) -> str:
        shown = {name: _shown(name, value) for name, value in self.properties.items()}
        return f"KafkaSettings({self.bootstrap_servers!r}, {shown})"

    def _client(self, own: Mapping[str, Any] | None, ignored: frozenset[str]) -> dict[str, Any]:
        given = {name: value for name, value in self.properties.items() if name not in ignored}
        return {"bootstrap.servers": self.bootstrap_servers, **_DEFAULTS, **(own or {}), **given}

    def _check_together(self) -> None:
        """Make clients of these settings and close them: cheap, and it finds what is left."""
        try:
            with closing(Consumer(_offline(self.consumer({"group.id": "check"})))):
                pass
            Producer(_offline(self.producer({"transactional.id": "check"})))
        except (KafkaException, TypeError, ValueError) as error:
            raise KafkaSettingError(self._lacking() or self._masked(_reason(error))) from None

    def _lacking(self) -> str | None:
        """What librdkafka has no plain word for: a file that is not there, no mechanism."""
        for name in _FILES:
            path = self.properties.get(name)
            if path is not None and not Path(str(path)).exists():
                return f"{name} = {path}: there is no such file"
        protocol = str(self.properties.get("security.protocol"))
        if protocol.upper().startswith("SASL") and not _MECHANISM & self.properties.keys():
            return f"security.protocol = {protocol}: needs sasl.mechanism, such as SCRAM-SHA-512"
        return None

    def _masked(self, text: str) -> str:
        for name, value in self.properties.items():
            if is_secret(name) and str(value):
                text = text.replace(str(value), HIDDEN)
        return text


def _check_addresses(servers: str) -> None:
    for address in servers.split(","):
        if _ADDRESS.fullmatch(address.strip()) is None:
            shown = without_login(servers)
            raise KafkaSettingError(
                f'bootstrap servers "{shown}": must be HOST:PORT, several with commas'
            )


def _ignored_by(name: str, value: Any) -> set[str]:
    """The kinds of client that this setting means nothing to, as librdkafka says it."""
    log = _Log()
    own = {"group.id": "check", "logger": log.logger}
    try:
        with closing(Consumer({**own, name: value})) as consumer:
            consumer.poll(0)
        Producer({"logger": log.logger, name: value}).poll(0)
    except (KafkaException, TypeError, ValueError) as error:
        what = _reason(error)
        if "No such configuration property" in what:
            raise UnknownKafkaSetting(f'"{name}" is no setting of librdkafka') from None
        if "Failed to create" not in str(error):  # that only means that it needs others
            if name == "security.protocol":
                what = f"must be {_PROTOCOLS}"
            if is_secret(name):
                what = what.replace(str(value), HIDDEN)
            raise KafkaSettingError(f"{name} = {_shown(name, value)}: {what}") from None
    return set(re.findall(r"ignored by this (consumer|producer) instance", "\n".join(log.lines)))


class _Log(logging.Handler):
    """Keeps what one client logs."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.logger = logging.Logger("check")
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _offline(settings: dict[str, Any]) -> dict[str, Any]:
    """The same for a client that neither connects nor logs."""
    del settings["bootstrap.servers"], settings["logger"]
    return settings | {"log_level": 0}


def _shown(name: str, value: Any) -> Any:
    return HIDDEN if is_secret(name) else value


def _reason(error: BaseException) -> str:
    text = error.args[0].str() if isinstance(error, KafkaException) else str(error)
    return re.sub(r"^Failed to create (consumer|producer): ", "", text.strip())
