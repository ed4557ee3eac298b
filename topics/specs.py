"""What the topics of a pipeline are: partitions, replication, retention, compaction.

The promise of exactly once rests on these topics: in production with three replicas, two of
them in sync at every write, and no unclean election.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import inf

from topics.times import DAY

MAX_MESSAGE_BYTES = 1024 * 1024
"""The largest record of a state topic: a chunk of 512 KiB with its key and headers, and room."""

LARGEST_LETTER = 8 * 1024 * 1024
"""Bytes of the largest value that a dead letter carries."""

INNER_RETENTION = 7 * DAY
"""Milliseconds. Workers may be down for so long; then what they have not read is gone."""

INNER_MESSAGE_BYTES = 4 * 1024 * 1024
"""The largest record between two stages: MessagePack takes up to 2.25 times as much as JSON, for
lists of short decimals; with the key, the features that were added, and room."""

ONE_LEARNER = "learner"
"""What the topics of a learner that is shared hold."""
LEARNERS = "learners"
"""What the topics of several learners hold, which share the members."""

VERSIONS_KEPT = 600_000
"""Milliseconds for which each version of a shared model stays, at least."""

SAFE_REPLICATION = 3
SAFE_IN_SYNC = 2


@dataclass(frozen=True)
class TopicSpec:
    """A topic as it is to be.

    Attributes:
        name: Of the topic.
        partitions: How many it gets when it is created.
        replication: How many brokers hold each partition.
        config: Kafka's topic settings by their own names.
        partitions_fixed: An existing topic with another number of partitions is of no use.
        holds: What one partition holds of one partition of the events, for error messages.
        required: Of `config`, the settings that an existing topic must have.
        at_least: Of `config`, the numbers that an existing topic must reach.
        read: A pipeline reads it, each record once.
    """

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str] = field(default_factory=dict)
    partitions_fixed: bool = False
    holds: str = "state"
    required: frozenset[str] = frozenset()
    at_least: frozenset[str] = frozenset()
    read: bool = False


def events(name: str, partitions: int, replication: int, retention: float | None) -> TopicSpec:
    """A topic of events.

    Args:
        name: Of the topic.
        partitions: One state, and at most one worker, for each.
        replication: How many brokers hold each partition.
        retention: Seconds; the broker's own unless given.
    """
    config = _safe(replication) | _retention(retention)
    return TopicSpec(name, partitions, replication, config, read=True)


def labels(name: str, partitions: int, replication: int, retention: float | None) -> TopicSpec:
    """A topic of labels: each lies in the partition of its event."""
    return replace(
        events(name, partitions, replication, retention), partitions_fixed=True, holds="labels"
    )


def metrics(name: str, partitions: int, replication: int) -> TopicSpec:
    """The topic of the metrics: of each window the last record is kept, however old."""
    config = {"cleanup.policy": "compact"}
    return TopicSpec(name, partitions, replication, _safe(replication) | config)


def inner(name: str, partitions: int, replication: int) -> TopicSpec:
    """A topic between two stages, on which the events are keyed by another field.

    Its records have the broker's time: what is to be kept does not hang on the events' age.
    """
    config = {
        "message.timestamp.type": "LogAppendTime",
        "retention.ms": str(INNER_RETENTION),
        "max.message.bytes": str(INNER_MESSAGE_BYTES),
    }
    return TopicSpec(
        name,
        partitions,
        replication,
        _safe(replication) | config,
        partitions_fixed=True,
        holds="share of the next stage",
        at_least=frozenset({"retention.ms", "max.message.bytes"}),
    )


def predictions(name: str, partitions: int, replication: int, retention: float | None) -> TopicSpec:
    """A topic of predictions; with as many partitions as the events, each lies beside its event."""
    return replace(events(name, partitions, replication, retention), read=False)


def dead_letters(name: str, partitions: int, replication: int) -> TopicSpec:
    """A topic of dead letters. Nothing of it expires: a letter has its event's old timestamp.

    Its records may be larger than an event by what the reason takes.
    """
    config = {"retention.ms": "-1", "max.message.bytes": str(LARGEST_LETTER + MAX_MESSAGE_BYTES)}
    return TopicSpec(
        name,
        partitions,
        replication,
        _safe(replication) | config,
        at_least=frozenset({"max.message.bytes"}),
    )


def control(name: str, replication: int) -> TopicSpec:
    """The topic by which the tasks of one connector agree; one partition keeps its order."""
    return TopicSpec(name, 1, replication, _safe(replication))


def state(name: str, partitions: int, replication: int) -> TopicSpec:
    """The compacted topic of models and waiting state.

    Compaction leaves the segment that is written alone, so segments are small and short: a
    restore reads the state and at most some minutes of its changes.

    Args:
        name: Of the topic.
        partitions: Those of the events; partition n of one holds the state of the other's.
        replication: How many brokers hold each partition.
    """
    config = {
        "cleanup.policy": "compact",
        "segment.ms": "600000",
        "segment.bytes": str(16 * 1024 * 1024),
        "min.cleanable.dirty.ratio": "0.1",
        "max.compaction.lag.ms": "600000",
        "delete.retention.ms": "3600000",
        "max.message.bytes": str(MAX_MESSAGE_BYTES),
    }
    return TopicSpec(
        name,
        partitions,
        replication,
        _safe(replication) | config,
        partitions_fixed=True,
        required=frozenset({"cleanup.policy"}),
        at_least=frozenset({"max.message.bytes"}),
    )


def rows(name: str, _: int, replication: int) -> TopicSpec:
    """The topic of labelled rows: one partition, whose order is that of the learning."""
    return replace(inner(name, 1, replication), holds=ONE_LEARNER)


def scored(name: str, _: int, replication: int) -> TopicSpec:
    """The topic of scored events, about which one stage decides in their order."""
    return rows(name, 1, replication)


def deciding(name: str, _: int, replication: int) -> TopicSpec:
    """The state of the stage that decides and evaluates for all partitions."""
    return replace(state(name, 1, replication), holds=ONE_LEARNER)


def versions(name: str, _: int, replication: int) -> TopicSpec:
    """The topic of the versions of a shared model, which is the state of its learner.

    The newest version is always there. Older ones stay for ten minutes at least, so that what was
    predicted by them can be computed again.
    """
    made = state(name, 1, replication)
    config = {**made.config, "min.compaction.lag.ms": str(VERSIONS_KEPT)}
    config["max.compaction.lag.ms"] = str(2 * VERSIONS_KEPT)
    return replace(made, config=config, holds=ONE_LEARNER)


def of_learners(
    spec: Callable[[str, int, int], TopicSpec],
    name: str,
    partitions: int,
    replication: int,
    *,
    learners: int,
) -> TopicSpec:
    """A topic of one learner, as it is for several: each has a partition."""
    return replace(spec(name, partitions, replication), partitions=learners, holds=LEARNERS)


def marks(name: str, partitions: int, replication: int) -> TopicSpec:
    """The topic of what each partition has learned between two marks, where models are mixed.

    The last marks of each partition are always there, however old: no partition needs more.
    """
    return replace(state(name, partitions, replication), holds="marks")


def colliding(name: str, others: Mapping[str, object] | frozenset[str]) -> str | None:
    """The one of `others` that Kafka takes for the same name: to its metrics `.` is `_`."""
    flat = name.replace(".", "_")
    return next((o for o in others if o != name and o.replace(".", "_") == flat), None)


def mixes_separators(name: str) -> bool:
    """Whether a name has both `.` and `_`, so that it may come to collide with another."""
    return "." in name and "_" in name


def losses(spec: TopicSpec, config: Mapping[str, str]) -> list[str]:
    """What makes a topic that a pipeline reads lose records, or their times, as texts.

    Args:
        spec: Of the topic.
        config: Its settings, as the broker names them.
    """
    found = []
    if spec.read and "compact" in config.get("cleanup.policy", ""):
        found.append(
            f"cleanup.policy = {config['cleanup.policy']}: of several records with one key"
            " Kafka keeps the last, so others may be deleted before they are read, and nothing"
            " says so; set it to delete"
        )
    if spec.read and config.get("message.timestamp.type") == "LogAppendTime":
        found.append(
            "message.timestamp.type = LogAppendTime: the times of the records are lost, so"
            " windows, labels and metrics go by the time of writing, and replay --time is"
            " refused; set it to CreateTime"
        )
    return found


def other_retention(spec: TopicSpec, config: Mapping[str, str]) -> str | None:
    """The retention of a topic where it is not the one that was asked for, in milliseconds."""
    wanted, there = spec.config.get("retention.ms"), config.get("retention.ms")
    if wanted is None or "retention.ms" in spec.at_least or there == wanted:
        return None
    return there


def weaknesses(replication: int, config: Mapping[str, str]) -> list[str]:
    """What keeps a topic from being safe against the loss of a broker, as texts.

    Args:
        replication: Of the topic.
        config: Its settings, as the broker names them.
    """
    found = []
    if replication < SAFE_REPLICATION:
        found.append(f"replication is {replication}, below {SAFE_REPLICATION}")
    in_sync = config.get("min.insync.replicas", str(SAFE_IN_SYNC))
    if int(in_sync) < SAFE_IN_SYNC:
        found.append(f"min.insync.replicas is {in_sync}, below {SAFE_IN_SYNC}")
    if config.get("unclean.leader.election.enable") == "true":
        found.append("unclean.leader.election.enable is true")
    return found


def _safe(replication: int) -> dict[str, str]:
    """Two replicas in sync where there are three, so that one broker may be down."""
    in_sync = SAFE_IN_SYNC if replication >= SAFE_REPLICATION else 1
    return {"min.insync.replicas": str(in_sync), "unclean.leader.election.enable": "false"}


def _retention(seconds: float | None) -> dict[str, str]:
    if seconds is None:
        return {}
    return {"retention.ms": "-1" if seconds == inf else str(round(seconds * 1000))}
