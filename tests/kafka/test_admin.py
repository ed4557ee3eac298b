"""Topics created and checked on a real broker."""

from dataclasses import replace

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from app.errors import BrokerUnreachable, TopicError
from app.kafka.admin import Outcome, ensure, ensure_topics
from app.kafka.cluster import Cluster
from app.kafka.settings import KafkaSettings
from app.local_kafka import LocalKafka
from app.pipeline.load import Pipeline
from tests.kafka.support import create_topic, produce, read_committed
from topics import specs

NO_BROKER = "127.0.0.1:9"


def pipeline(name: str, partitions: int = 3, replication: int = 1) -> Pipeline:
    return Pipeline.model_validate(
        {
            "name": name,
            "events": {"topic": f"{name}.events.v1"},
            "predictions": {"topic": f"{name}.predictions.v1"},
            "learner": {"type": "passive_aggressive"},
            "topics": {"partitions": partitions, "replication": replication, "retention": "7d"},
        }
    )


def config_of(bootstrap: str, topic: str) -> dict[str, str]:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    resource = ConfigResource(ResourceType.TOPIC, topic)
    entries = admin.describe_configs([resource])[resource].result(30)
    return {key: entry.value for key, entry in entries.items()}


def of_topics(outcomes: list[Outcome]) -> dict[str, tuple[str, str]]:
    return {o.topic: (o.kind, o.text) for o in outcomes if o.topic and not o.warns}


def test_topics_that_lack_are_created_and_then_found(kafka: str, topic_name: str) -> None:
    wanted = pipeline(topic_name)
    names = [
        wanted.events.topic,
        wanted.predictions.topic,
        wanted.dead_letter_topic,
        wanted.state_topic,
    ]
    size = "3 partitions, replication 1"
    first = of_topics(ensure_topics(wanted, KafkaSettings(kafka)))
    assert first == dict.fromkeys(names, ("created", f"created, {size}"))
    second = of_topics(ensure_topics(wanted, KafkaSettings(kafka)))
    assert second == dict.fromkeys(names, ("checked", f"there, {size}"))


def test_topics_have_the_settings_of_their_specs(kafka: str, topic_name: str) -> None:
    wanted = pipeline(topic_name)
    ensure_topics(wanted, KafkaSettings(kafka))
    assert config_of(kafka, wanted.events.topic)["retention.ms"] == str(7 * 86_400_000)
    state = config_of(kafka, wanted.state_topic)
    for key, value in specs.state("any", 1, 1).config.items():
        assert state[key] == value


def test_a_chunk_of_the_state_topic_is_taken_by_the_broker(kafka: str, topic_name: str) -> None:
    wanted = pipeline(topic_name, partitions=1)
    ensure_topics(wanted, KafkaSettings(kafka))
    chunk = b"x" * 512 * 1024
    produce(kafka, wanted.state_topic, [(b"model", chunk)])
    assert [m.value() for m in read_committed(kafka, wanted.state_topic)] == [chunk]


def test_the_events_that_are_there_decide_the_number_of_partitions(
    kafka: str, topic_name: str
) -> None:
    wanted = pipeline(topic_name, partitions=3)
    create_topic(kafka, wanted.events.topic, partitions=5)
    outcomes = ensure_topics(wanted, KafkaSettings(kafka))
    assert {outcome.partitions for outcome in outcomes if not outcome.warns} == {5}
    found = of_topics(outcomes)
    assert found[wanted.events.topic] == ("checked", "there, 5 partitions, replication 1")
    assert found[wanted.state_topic] == ("created", "created, 5 partitions, replication 1")
    assert found[wanted.predictions.topic][0] == "created"
    ignored = [str(outcome) for outcome in outcomes if outcome.kind == "ignored"]
    assert ignored == [
        f"warning: {wanted.events.topic}: has 5 partitions, and topics.partitions = 3 changes"
        " nothing: it is for new topics. Another number needs a new pipeline, with a name and"
        " topics of its own"
    ]


def test_partitions_that_the_file_does_not_name_are_those_of_the_events(
    kafka: str, topic_name: str
) -> None:
    named = pipeline(topic_name)
    topics = named.topics.model_construct(retention=named.topics.retention)
    create_topic(kafka, named.events.topic, partitions=2)
    outcomes = ensure_topics(named.model_copy(update={"topics": topics}), KafkaSettings(kafka))
    assert not any(outcome.kind == "ignored" for outcome in outcomes)


def test_a_state_topic_with_other_partitions_than_the_events_is_refused(
    kafka: str, topic_name: str
) -> None:
    wanted = pipeline(topic_name, partitions=4)
    create_topic(kafka, wanted.state_topic, partitions=2, cleanup_policy="compact")
    with pytest.raises(TopicError) as refused:
        ensure_topics(wanted, KafkaSettings(kafka))
    assert str(refused.value).startswith(
        f"topic {wanted.state_topic} has 2 partitions, but the events have 4:"
    )
    admin = AdminClient({"bootstrap.servers": kafka})
    assert wanted.events.topic not in admin.list_topics(timeout=10).topics, "nothing was created"


@pytest.mark.parametrize("policy", ["delete", "compact,delete"])
def test_a_state_topic_that_forgets_is_refused(kafka: str, topic_name: str, policy: str) -> None:
    wanted = pipeline(topic_name)
    create_topic(kafka, wanted.state_topic, partitions=3, cleanup_policy=policy)
    with pytest.raises(TopicError, match=f"cleanup.policy = {policy}, but must have compact"):
        ensure_topics(wanted, KafkaSettings(kafka))


def test_a_state_topic_for_small_records_is_refused(kafka: str, topic_name: str) -> None:
    wanted = pipeline(topic_name)
    create_topic(kafka, wanted.state_topic, 3, cleanup_policy="compact", max_message_bytes="100000")
    with pytest.raises(TopicError, match=r"max\.message\.bytes = 100000, but needs at least"):
        ensure_topics(wanted, KafkaSettings(kafka))


def test_one_broker_is_one_line_of_warning() -> None:
    with LocalKafka() as local:
        warnings = [
            str(outcome)
            for outcome in ensure_topics(pipeline("alone"), KafkaSettings(local.bootstrap))
            if outcome.kind == "warning"
        ]
    assert len(warnings) == 1
    assert warnings[0].startswith("warning: the cluster has one broker")


def test_names_that_collide_are_refused_by_both(kafka: str, topic_name: str) -> None:
    name = topic_name.replace("-", ".")
    create_topic(kafka, name.replace(".", "_"))
    cluster = Cluster(KafkaSettings(kafka), 15)
    with pytest.raises(TopicError, match="collide") as refused:
        ensure(cluster, [specs.events(name, 1, 1, None)])
    assert name in str(refused.value)
    with pytest.raises(KafkaException, match="collides"):  # so it is no caprice of ours
        create_topic(kafka, name)


def test_a_name_with_both_separators_is_warned_of(kafka: str, topic_name: str) -> None:
    name = f"{topic_name}.a_b"
    outcomes = ensure(Cluster(KafkaSettings(kafka), 15), [specs.events(name, 1, 1, None)])
    assert [o.kind for o in outcomes if o.topic == name] == ["created", "warning"]


def test_more_replicas_than_brokers_is_one_clear_line(kafka: str, topic_name: str) -> None:
    wanted = pipeline(topic_name, replication=99)
    with pytest.raises(TopicError) as refused:
        ensure_topics(wanted, KafkaSettings(kafka))
    assert f"topic {wanted.events.topic} cannot be created: replication 99" in str(refused.value)
    assert "set topics.replication" in str(refused.value)


def test_a_setting_that_the_broker_refuses_is_named(kafka: str, topic_name: str) -> None:
    spec = replace(specs.events(topic_name, 1, 1, None), config={"retention.ms": "soon"})
    with pytest.raises(TopicError, match=f"topic {topic_name} cannot be created: .*retention.ms"):
        ensure(Cluster(KafkaSettings(kafka), 15), [spec])


def test_no_broker_is_one_clear_line() -> None:
    with pytest.raises(BrokerUnreachable) as refused:
        ensure_topics(pipeline("any"), KafkaSettings(NO_BROKER), timeout=2)
    message = str(refused.value)
    assert message.startswith(f"no Kafka at {NO_BROKER} within 2 s: ")
    assert "Connection refused" in message
    assert "\n" not in message
