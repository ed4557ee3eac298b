"""Every topic of a pipeline is listed once, with its format and its spec."""

from __future__ import annotations

from pathlib import Path

from app.kafka.rights import topic_rights
from app.pipeline.stages import stages
from app.pipeline.topics import codec_of, pipeline_topics, topic_of
from tests.app.pipeline.test_cross_checks import everything
from tests.app.pipeline_files import SMALLEST, read


def test_a_pipeline_with_everything_lists_all_of_its_topics_in_order(tmp_path: Path) -> None:
    found = [(topic.role, topic.name) for topic in pipeline_topics(read(tmp_path, everything()))]
    assert found == [
        ("events", "e"),
        ("labels", "l"),
        ("predictions", "q"),
        ("alerts", "a"),
        ("metrics", "m"),
        ("dead letters", "p.dead-letters.v1"),
        ("state", "p.events.state.v1"),
        ("inner", "p.by-shop.v1"),
        ("state", "p.state.v1"),
    ]


def test_what_a_stage_reads_and_writes_is_among_them(tmp_path: Path) -> None:
    pipeline = read(tmp_path, everything())
    names = {topic.name for topic in pipeline_topics(pipeline)}
    for stage in stages(pipeline):
        assert {*stage.inputs, stage.state_topic, stage.next_topic or "e"} <= names


def test_the_smallest_pipeline_has_four(tmp_path: Path) -> None:
    pipeline = read(tmp_path, SMALLEST)
    roles = [topic.role for topic in pipeline_topics(pipeline)]
    assert roles == ["events", "predictions", "dead letters", "state"]
    assert topic_of(pipeline, "labels") is None


def test_a_spec_has_the_partitions_that_it_is_asked_for_and_the_name(tmp_path: Path) -> None:
    for topic in pipeline_topics(read(tmp_path, everything())):
        spec = topic.spec(7)
        assert (spec.name, spec.partitions) == (topic.name, 7)


def test_each_table_chooses_the_format_of_its_topic(tmp_path: Path) -> None:
    text = everything().replace('topic = "l"', 'topic = "l"\nformat = "msgpack"')
    pipeline = read(tmp_path, text)
    formats = {topic.role: topic.format for topic in pipeline_topics(pipeline) if topic.format}
    assert formats.pop("labels") == "msgpack"
    assert formats == dict.fromkeys(["events", "predictions", "alerts", "metrics"], "json")
    assert codec_of(pipeline, "labels").name == "msgpack"


def test_a_worker_has_rights_on_all_of_them(tmp_path: Path) -> None:
    pipeline = read(tmp_path, everything())
    assert list(topic_rights(pipeline)) == [topic.name for topic in pipeline_topics(pipeline)]
