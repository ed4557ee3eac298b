"""A record whose time a topic does not take, keep or leave as it is, is refused with the reason."""

import pytest

from topics.times import TimeLimits, of_new_topic, time_limits

NOW = 1_800_000_000_000
DAY = 86_400_000


@pytest.mark.parametrize(
    ("config", "time", "why"),
    [
        ({}, 0, None),
        ({"retention.ms": "-1"}, 0, None),
        ({"retention.ms": str(DAY)}, NOW - DAY, None),
        ({"retention.ms": str(DAY)}, NOW - DAY - 1, "retention.ms"),
        ({"retention.ms": str(DAY), "cleanup.policy": "compact"}, 0, None),
        ({"retention.ms": str(DAY), "cleanup.policy": "compact,delete"}, 0, "retention.ms"),
        ({"message.timestamp.before.max.ms": "1000"}, NOW - 1000, None),
        ({"message.timestamp.before.max.ms": "1000"}, NOW - 1001, "timestamp.before.max.ms"),
        ({"message.timestamp.after.max.ms": "1000"}, NOW + 1000, None),
        ({"message.timestamp.after.max.ms": "1000"}, NOW + 1001, "timestamp.after.max.ms"),
        ({"message.timestamp.difference.max.ms": "1000"}, NOW + 1001, "in the future"),
        ({"message.timestamp.type": "LogAppendTime"}, NOW, "LogAppendTime"),
    ],
)
def test_the_setting_by_which_a_time_is_refused_is_named(
    config: dict[str, str], time: int, why: str | None
) -> None:
    said = time_limits(config).refusal(time, NOW)
    assert said is None if why is None else why in (said or "")


def test_what_kafka_refuses_comes_before_what_it_deletes() -> None:
    limits = TimeLimits(retention=10, before=20)
    assert "before.max.ms" in (limits.refusal(0, NOW) or "")


@pytest.mark.parametrize(
    ("broker", "retention"),
    [
        ({"log.retention.hours": "168"}, 7 * DAY),
        ({"log.retention.minutes": "60", "log.retention.hours": "168"}, 3_600_000),
        ({"log.retention.ms": "5", "log.retention.minutes": "60"}, 5),
        ({"log.retention.ms": "None", "log.retention.hours": "168"}, 7 * DAY),
        ({"log.retention.hours": "-1"}, float("inf")),
    ],
)
def test_a_new_topic_keeps_as_long_as_the_broker_says(
    broker: dict[str, str], retention: float
) -> None:
    assert time_limits(of_new_topic(broker, {})).retention == retention
    assert time_limits(of_new_topic(broker, {"retention.ms": "9"})).retention == 9
