"""Creating the topics of a pipeline, or checking those that are there."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app.errors import TopicError
from app.kafka.cluster import Cluster, Topic
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from app.pipeline.topics import pipeline_topics
from topics import specs
from topics.specs import TopicSpec

TIMEOUT = 15.0
_ONE_BROKER = (
    "the cluster has one broker, so what its disk loses is lost: in production take three,"
    " with topics.replication = 3"
)


@dataclass(frozen=True)
class Outcome:
    """What was found or done about one topic, or, without `topic`, about the cluster.

    Attributes:
        kind: What happened; "warning" where something weakens the promise of exactly once,
            "loss" where the topic itself loses what the pipeline is to read, "ignored" where a
            setting of the file is for new topics only.
        topic: The name.
        text: One line without the name.
        partitions: How many the topic has; None with a warning.
    """

    kind: Literal["created", "checked", "altered", "warning", "loss", "ignored"]
    topic: str | None
    text: str
    partitions: int | None = None

    def __str__(self) -> str:
        line = self.text if self.topic is None else f"{self.topic}: {self.text}"
        return f"warning: {line}" if self.warns else line

    @property
    def warns(self) -> bool:
        """Whether something is not as it should be."""
        return self.kind == "warning" or self.is_loud

    @property
    def is_loud(self) -> bool:
        """Whether every command that needs the topic says so, each time."""
        return self.kind in ("loss", "ignored")


def ensure_topics(
    pipeline: Pipeline, kafka: KafkaSettings, timeout: float = TIMEOUT, *, alter: bool = False
) -> list[Outcome]:
    """Create the missing topics of a pipeline, and check those that are there.

    An events topic that is there decides how many partitions the others get.

    Args:
        pipeline: Names the topics.
        kafka: Reaches the cluster.
        timeout: Seconds for each answer of the cluster.
        alter: Whether topics that are there get the retention that the file asks for.

    Raises:
        BrokerUnreachable: No broker answers, or none lets the program in.
        TopicError: A topic cannot be created, or one that is there would break the promise.
    """
    cluster = Cluster(kafka, timeout)
    wanted = pipeline.topics
    there = cluster.topics().get(pipeline.events.topic)
    partitions = wanted.partitions if there is None else there.partitions
    found = [topic.spec(partitions) for topic in pipeline_topics(pipeline)]
    altered = alter_retention(cluster, found) if alter else []
    return altered + ensure(cluster, found) + _ignored(pipeline, partitions)


def _ignored(pipeline: Pipeline, partitions: int) -> list[Outcome]:
    """What the file says about partitions, where the topic of the events has another number."""
    wanted = pipeline.topics
    if wanted.partitions == partitions or "partitions" not in wanted.model_fields_set:
        return []
    text = (
        f"has {_count(partitions)}, and topics.partitions = {wanted.partitions} changes nothing:"
        " it is for new topics. Another number needs a new pipeline, with a name and topics of"
        " its own"
    )
    return [Outcome("ignored", pipeline.events.topic, text)]


def alter_retention(cluster: Cluster, wanted: Sequence[TopicSpec]) -> list[Outcome]:
    """Give the topics that are there the retention of their specs.

    Raises:
        TopicError: A topic cannot be altered.
    """
    before = cluster.topics()
    there = [spec for spec in wanted if spec.name in before]
    configs = cluster.configs([spec.name for spec in there])
    outcomes = []
    for spec in there:
        if (old := specs.other_retention(spec, configs[spec.name] or {})) is not None:
            new = spec.config["retention.ms"]
            cluster.alter(spec.name, {"retention.ms": new})
            text = f"altered, retention.ms is {new}, was {old}"
            outcomes.append(Outcome("altered", spec.name, text))
    return outcomes


def input_specs(pipeline: Pipeline) -> list[TopicSpec]:
    """The topics of events and labels, with as many partitions as the file says."""
    partitions = pipeline.topics.partitions
    return [topic.spec(partitions) for topic in pipeline_topics(pipeline) if topic.is_input]


def ensure(cluster: Cluster, wanted: Sequence[TopicSpec]) -> list[Outcome]:
    """As `ensure_topics`, for any topics."""
    before = cluster.topics()
    names = frozenset(before) | {spec.name for spec in wanted}
    there = [spec for spec in wanted if spec.name in before]
    configs = cluster.configs([spec.name for spec in there])
    for spec in wanted:
        _refuse_collision(spec, names)
    for spec in there:
        _check_partitions(spec, before[spec.name].partitions)
        _check_config(spec, configs[spec.name] or {})
    made = {spec.name for spec in wanted if spec.name not in before and cluster.create(spec)}
    after = _all_led(cluster, wanted)
    outcomes: list[Outcome] = []
    for spec in wanted:
        topic = after[spec.name]
        _check_partitions(spec, topic.partitions)
        created = spec.name in made
        size = f"{_count(topic.partitions)}, replication {topic.replication}"
        text = f"created, {size}" if created else f"there, {size}"
        kind: Literal["created", "checked"] = "created" if created else "checked"
        outcomes.append(Outcome(kind, spec.name, text, topic.partitions))
        config = configs.get(spec.name, spec.config)
        outcomes += _warnings(spec, topic, config, cluster.brokers)
    if cluster.brokers == 1:
        outcomes.append(Outcome("warning", None, _ONE_BROKER))
    return outcomes


def _refuse_collision(spec: TopicSpec, names: frozenset[str]) -> None:
    if (other := specs.colliding(spec.name, names)) is not None:
        raise TopicError(
            f"topic {spec.name} and topic {other} collide: Kafka's metrics take '.' and '_' for"
            " the same; use one of them in all names"
        )


def _check_partitions(spec: TopicSpec, partitions: int) -> None:
    if spec.partitions_fixed and partitions != spec.partitions:
        if spec.holds == specs.LEARNERS:
            raise TopicError(
                f"topic {spec.name} has {_count(partitions)}, and learner.learners ="
                f" {spec.partitions}: each learner has one; delete the topic where it was never"
                " used, or give the pipeline a new name (riverrun model export and import take"
                " the model there)"
            )
        if spec.holds == specs.ONE_LEARNER:
            raise TopicError(
                f"topic {spec.name} has {_count(partitions)}, but a learner that is shared has 1:"
                " delete the topic where it was never used, or give the pipeline a new name"
            )
        raise TopicError(
            f"topic {spec.name} has {_count(partitions)}, but the events have"
            f" {spec.partitions}: each partition of the events needs its own {spec.holds}; give"
            " the pipeline a new name, with outputs of its own, to learn anew (Kafka cannot take"
            " partitions away)"
        )


def _check_config(spec: TopicSpec, config: Mapping[str, str]) -> None:
    for key in sorted(spec.required):
        if config.get(key, spec.config[key]) != spec.config[key]:
            raise TopicError(
                f"topic {spec.name} has {key} = {config[key]}, but must have"
                f" {spec.config[key]}, or the model is lost: alter the topic"
            )
    for key in sorted(spec.at_least):
        if int(config.get(key, spec.config[key])) < int(spec.config[key]):
            raise TopicError(
                f"topic {spec.name} has {key} = {config[key]}, but needs at least"
                f" {spec.config[key]}: alter the topic"
            )


def _warnings(
    spec: TopicSpec, topic: Topic, config: Mapping[str, str] | None, brokers: int
) -> Iterator[Outcome]:
    if specs.mixes_separators(spec.name):
        text = "the name has '.' and '_', which Kafka's metrics take for the same: use one"
        yield Outcome("warning", spec.name, text)
    if config is None:
        text = "its settings could not be checked: this user has no right to describe them"
        yield Outcome("warning", spec.name, text)
    if (retention := specs.other_retention(spec, config or {})) is not None:
        text = (
            f"retention.ms is {retention}, and should be {spec.config['retention.ms']}:"
            " riverrun topics FILE --alter sets it"
        )
        yield Outcome("warning", spec.name, text)
    for loss in specs.losses(spec, config or {}):
        yield Outcome("loss", spec.name, loss)
    weak = specs.weaknesses(topic.replication, config or {})
    if weak and brokers > 1:
        text = f"{' and '.join(weak)}: a broker that fails may lose what was committed"
        yield Outcome("warning", spec.name, text)


def _all_led(cluster: Cluster, wanted: Sequence[TopicSpec]) -> dict[str, Topic]:
    """The topics, once every partition of theirs has a leader to write to."""
    deadline = time.monotonic() + cluster.timeout
    while True:
        found = cluster.topics()
        late = [s.name for s in wanted if s.name not in found or not found[s.name].led]
        if not late:
            return found
        if time.monotonic() > deadline:
            raise TopicError(
                f"topic {late[0]} has partitions without a leader after {cluster.timeout:.0f} s:"
                " look to the brokers"
            )
        time.sleep(0.1)


def _count(partitions: int) -> str:
    return f"{partitions} partition{'' if partitions == 1 else 's'}"
