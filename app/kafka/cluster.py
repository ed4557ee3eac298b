"""What the program asks a cluster about its topics, with errors that name the topic."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from app.errors import BrokerUnreachable, TopicError
from app.kafka.settings import KafkaSettings
from topics.specs import TopicSpec
from topics.times import TimeLimits, of_new_topic, time_limits

_UNREACHABLE = {
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._RESOLVE,
    KafkaError._AUTHENTICATION,
    KafkaError._SSL,
}
_NOT_ALLOWED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}


@dataclass(frozen=True)
class Topic:
    """A topic that is there: its size, and whether every partition has a leader."""

    partitions: int
    replication: int
    led: bool


class Cluster:
    """The topics of a cluster.

    Parameters:
        kafka: Reaches the cluster.
        timeout: Seconds for each answer.
    """

    def __init__(self, kafka: KafkaSettings, timeout: float) -> None:
        self.timeout = timeout
        self.brokers = 0
        self._servers = kafka.bootstrap_servers
        self._protocol = kafka.properties.get("security.protocol", "PLAINTEXT")
        self._errors: list[KafkaError] = []
        settings: dict[str, Any] = {**kafka.admin(), "error_cb": self._errors.append}
        self._admin = AdminClient(settings)

    def topics(self) -> dict[str, Topic]:
        """Every topic that the program may see.

        Raises:
            BrokerUnreachable: No broker answers in time.
        """
        try:
            metadata = self._admin.list_topics(timeout=self.timeout)
        except KafkaException as error:
            raise self._unreachable(error) from None
        self.brokers = len(metadata.brokers)
        return {
            name: Topic(
                partitions=len(topic.partitions),
                replication=max((len(p.replicas) for p in topic.partitions.values()), default=0),
                led=bool(topic.partitions)
                and all(p.leader >= 0 for p in topic.partitions.values()),
            )
            for name, topic in metadata.topics.items()
        }

    def create(self, spec: TopicSpec) -> bool:
        """Create a topic.

        Returns:
            Whether it is new: another worker may have been first.

        Raises:
            TopicError: With the topic's name and what to do.
            BrokerUnreachable: No answer in time.
        """
        topic = NewTopic(spec.name, spec.partitions, spec.replication, config=dict(spec.config))
        answer = self._admin.create_topics([topic], request_timeout=self.timeout)[spec.name]
        try:
            self._result(answer)
        except KafkaException as error:
            code = error.args[0].code()
            if code == KafkaError.TOPIC_ALREADY_EXISTS:
                return False
            raise TopicError(
                f"topic {spec.name} cannot be created: {self._why(spec, error)}"
            ) from None
        return True

    def configs(self, names: Sequence[str]) -> dict[str, dict[str, str] | None]:
        """The settings of topics, None for one that the program may not ask about."""
        asked = {name: ConfigResource(ResourceType.TOPIC, name) for name in names}
        if not asked:
            return {}
        answers = self._admin.describe_configs(list(asked.values()), request_timeout=self.timeout)
        return {name: self._config(name, answers[resource]) for name, resource in asked.items()}

    def time_limits(self, wanted: Sequence[TopicSpec]) -> dict[str, TimeLimits]:
        """Which timestamps topics take, also those that are still to be created, by name.

        What the program may not ask about bounds nothing.
        """
        there = self.topics()
        found = self.configs([spec.name for spec in wanted if spec.name in there])
        new = [spec for spec in wanted if spec.name not in there]
        broker = self._broker_config() if new else {}
        configs = found | {spec.name: of_new_topic(broker, spec.config) for spec in new}
        return {name: time_limits(config or {}) for name, config in configs.items()}

    def newest(self, names: Sequence[str]) -> int | None:
        """The newest timestamp (ms since 1970) on topics; None: all are empty, or not there."""
        found = self.topics()
        there = [name for name in names if name in found]
        places = [TopicPartition(name, n) for name in there for n in range(found[name].partitions)]
        if not places:
            return None
        asked = {place: OffsetSpec.max_timestamp() for place in places}
        answers = self._admin.list_offsets(asked, request_timeout=self.timeout)
        newest = max(int(self._result(answer).timestamp) for answer in answers.values())
        return None if newest < 0 else newest

    def alter(self, name: str, config: Mapping[str, str]) -> None:
        """Change settings of a topic; the others stay.

        Raises:
            TopicError: With the topic's name and what to do.
        """
        entries = [
            ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
            for key, value in config.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
        answers = self._admin.incremental_alter_configs([resource], request_timeout=self.timeout)
        try:
            self._result(answers[resource])
        except KafkaException as error:
            why = error.args[0]
            not_allowed = "this user has no right to; let an administrator do so"
            text = not_allowed if why.code() in _NOT_ALLOWED else why.str()
            raise TopicError(f"topic {name} cannot be altered: {text}") from None

    def _broker_config(self) -> dict[str, str]:
        brokers = self._admin.list_topics(timeout=self.timeout).brokers
        resource = ConfigResource(ResourceType.BROKER, str(min(brokers)))
        answer = self._admin.describe_configs([resource], request_timeout=self.timeout)[resource]
        return self._config("of a new kind", answer) or {}

    def _config(self, name: str, answer: "Future[Any]") -> dict[str, str] | None:
        try:
            return {key: str(entry.value) for key, entry in self._result(answer).items()}
        except KafkaException as error:
            if error.args[0].code() in _NOT_ALLOWED:
                return None
            raise TopicError(f"topic {name} cannot be checked: {error.args[0].str()}") from None

    def _result(self, answer: "Future[Any]") -> Any:
        try:
            return answer.result(self.timeout + 5)
        except KafkaException as error:
            if error.args[0].code() in _UNREACHABLE:
                raise self._unreachable(error) from None
            raise

    def _why(self, spec: TopicSpec, error: KafkaException) -> str:
        code, text = error.args[0].code(), error.args[0].str()
        if code in _NOT_ALLOWED:
            return (
                "this user has no right to; let an administrator create it, or grant Create, or,"
                " where it is there already, the rights on it that docs/security.md lists"
            )
        if code == KafkaError.INVALID_REPLICATION_FACTOR:
            return (
                f"replication {spec.replication}, but the cluster has {self.brokers} broker(s);"
                " set topics.replication"
            )
        return str(text)

    def _unreachable(self, error: KafkaException) -> BrokerUnreachable:
        """With the reason that librdkafka passes to its error callback, if there is one."""
        self._admin.poll(0)
        reported = [e for e in self._errors if e.code() != KafkaError._ALL_BROKERS_DOWN]
        reason = " ".join((reported[-1] if reported else error.args[0]).str().split())
        if "certificate verify failed" in reason:  # librdkafka names the first of two causes only
            if "ssl.ca.location" not in reason:  # nor always that one
                reason += ": look to ssl.ca.location"
            reason += "; or the certificate is for another host name"
        elif not reported and error.args[0].code() == KafkaError._TRANSPORT:
            reason += f"; is security.protocol = {self._protocol} that of this listener?"
        return BrokerUnreachable(f"no Kafka at {self._servers} within {self.timeout:g} s: {reason}")
