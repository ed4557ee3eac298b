"""Which timestamps a topic takes, and keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

DAY = 86_400_000
"""Milliseconds."""

BROKER_NAMES = {
    "retention.ms": ("log.retention.ms", "log.retention.minutes", "log.retention.hours"),
    "cleanup.policy": ("log.cleanup.policy",),
    "message.timestamp.type": ("log.message.timestamp.type",),
    "message.timestamp.before.max.ms": ("log.message.timestamp.before.max.ms",),
    "message.timestamp.after.max.ms": ("log.message.timestamp.after.max.ms",),
}
"""The settings of a broker from which a new topic has its own; the first that is set counts."""

_MILLISECONDS = {"minutes": 60_000, "hours": 3_600_000}


@dataclass(frozen=True)
class TimeLimits:
    """The bounds of a topic, in milliseconds before and after the time at which it is written.

    Attributes:
        retention: A topic deletes what is older.
        before: Kafka refuses what is older.
        after: Kafka refuses what is further in the future.
        overwrites: Kafka takes its own time instead of the record's (LogAppendTime).
    """

    retention: float = inf
    before: float = inf
    after: float = inf
    overwrites: bool = False

    def refusal(self, time: float, now: float) -> str | None:
        """Why a record of this time is lost on the topic; None where it is not.

        Args:
            time: Of the record, in milliseconds since 1970.
            now: When it is written.
        """
        if self.overwrites:
            return (
                "its time would be lost, for the topic has message.timestamp.type = LogAppendTime:"
                " set the topic's message.timestamp.type to CreateTime"
            )
        if now - time > self.before:
            return (
                f"Kafka refuses what is more than {self.before / 1000:,.0f} s old: raise the"
                " topic's message.timestamp.before.max.ms"
            )
        if time - now > self.after:
            return (
                f"it lies in the future, and Kafka refuses what is more than"
                f" {self.after / 1000:,.0f} s ahead (the topic's message.timestamp.after.max.ms):"
                " correct the time, or leave it out with --until"
            )
        if now - time > self.retention:
            return (
                "it is older than the topic keeps (retention.ms), so Kafka would delete it at"
                ' once: set topics.retention = "forever" in the pipeline file and, where the topic'
                " is there already, run riverrun topics FILE --alter"
            )
        return None


def time_limits(config: Mapping[str, str]) -> TimeLimits:
    """The limits of a topic by its settings; what is not among them bounds nothing."""
    deletes = "delete" in config.get("cleanup.policy", "delete")
    either = _bound(config, "message.timestamp.difference.max.ms")  # of brokers before 3.6
    return TimeLimits(
        retention=_bound(config, "retention.ms") if deletes else inf,
        before=min(either, _bound(config, "message.timestamp.before.max.ms")),
        after=min(either, _bound(config, "message.timestamp.after.max.ms")),
        overwrites=config.get("message.timestamp.type") == "LogAppendTime",
    )


def of_new_topic(broker: Mapping[str, str], config: Mapping[str, str]) -> dict[str, str]:
    """The settings that a topic gets when it is created: its own, else those of the broker."""
    found = {}
    for name, sources in BROKER_NAMES.items():
        for source in sources:
            if (value := broker.get(source)) not in (None, "None", "null", ""):
                found[name] = _scaled(source, value)
                break
    return found | dict(config)


def _scaled(source: str, value: str) -> str:
    factor = _MILLISECONDS.get(source.rpartition(".")[2], 1)
    return value if factor == 1 or int(value) < 0 else str(int(value) * factor)


def _bound(config: Mapping[str, str], name: str) -> float:
    value = int(config.get(name, "-1"))
    return inf if value < 0 else value
