"""The topics of a pipeline, as they are to be."""

from math import inf

import pytest

from topics import specs


def test_events_keep_what_the_broker_keeps_unless_told_otherwise() -> None:
    assert "retention.ms" not in specs.events("e", 3, 1, None).config
    assert specs.events("e", 3, 1, inf).config["retention.ms"] == "-1"
    assert specs.events("e", 3, 1, 1.5).config["retention.ms"] == "1500"
    assert specs.predictions("p", 3, 1, 86400.0).config["retention.ms"] == "86400000"


@pytest.mark.parametrize(("replication", "in_sync"), [(1, "1"), (2, "1"), (3, "2"), (5, "2")])
def test_two_replicas_are_in_sync_where_one_may_be_down(replication: int, in_sync: str) -> None:
    for spec in (
        specs.events("e", 1, replication, None),
        specs.dead_letters("d", 1, replication),
        specs.state("s", 1, replication),
    ):
        assert spec.config["min.insync.replicas"] == in_sync
        assert spec.config["unclean.leader.election.enable"] == "false"


def test_only_the_state_is_compacted_and_bound_to_the_events() -> None:
    state = specs.state("s", 3, 1)
    assert state.config["cleanup.policy"] == "compact"
    assert state.required == {"cleanup.policy"}
    assert state.partitions_fixed
    for spec in (specs.events("e", 3, 1, None), specs.dead_letters("d", 3, 1)):
        assert "cleanup.policy" not in spec.config
        assert not spec.partitions_fixed


def test_a_chunk_of_the_state_fits_its_topic() -> None:
    assert int(specs.state("s", 3, 1).config["max.message.bytes"]) > 512 * 1024 + 4096


@pytest.mark.parametrize(
    ("name", "others", "other"),
    [
        ("a.b", {"a_b"}, "a_b"),
        ("a.b_c", {"x", "a_b.c"}, "a_b.c"),
        ("a.b", {"a.b", "a-b", "ab"}, None),
    ],
)
def test_names_that_kafka_takes_for_the_same_collide(
    name: str, others: set[str], other: str | None
) -> None:
    assert specs.colliding(name, frozenset(others)) == other


def test_a_name_mixes_separators_when_it_has_both() -> None:
    assert specs.mixes_separators("a.b_c")
    assert not specs.mixes_separators("a.b.c")
    assert not specs.mixes_separators("a_b")


def test_weaknesses_name_each_setting_that_risks_a_loss() -> None:
    safe = {"min.insync.replicas": "2", "unclean.leader.election.enable": "false"}
    assert specs.weaknesses(3, safe) == []
    assert specs.weaknesses(3, {}) == []
    assert specs.weaknesses(
        1, {"min.insync.replicas": "1", "unclean.leader.election.enable": "true"}
    ) == [
        "replication is 1, below 3",
        "min.insync.replicas is 1, below 2",
        "unclean.leader.election.enable is true",
    ]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"cleanup.policy": "delete", "message.timestamp.type": "CreateTime"}, []),
        ({"cleanup.policy": "compact"}, ["cleanup.policy = compact"]),
        ({"cleanup.policy": "compact,delete"}, ["cleanup.policy = compact,delete"]),
        ({"message.timestamp.type": "LogAppendTime"}, ["message.timestamp.type = LogAppendTime"]),
    ],
)
def test_what_an_input_loses_is_told(config: dict[str, str], said: list[str]) -> None:
    read = [specs.events("e", 1, 1, None), specs.labels("l", 1, 1, None)]
    for spec in read:
        assert [line.partition(":")[0] for line in specs.losses(spec, config)] == said
    for spec in (specs.state("s", 1, 1), specs.metrics("m", 1, 1), specs.inner("i", 1, 1)):
        assert specs.losses(spec, config) == []


def test_a_retention_that_the_file_does_not_ask_for_is_another_one() -> None:
    asked, silent = specs.events("e", 1, 1, inf), specs.events("e", 1, 1, None)
    assert specs.other_retention(asked, {"retention.ms": "604800000"}) == "604800000"
    assert specs.other_retention(asked, {"retention.ms": "-1"}) is None
    assert specs.other_retention(silent, {"retention.ms": "604800000"}) is None
