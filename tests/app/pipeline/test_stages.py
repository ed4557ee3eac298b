"""The stages of a pipeline: one, or one more for each entity that events are keyed by anew."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from app.pipeline.model import Pipeline
from app.pipeline.stages import Stage, entity_fields, merged_topics, only_scores, stages
from tests.app.pipeline_files import CARD, LABEL, LABELS, METRICS, SMALLEST, WITH_ID, read

SHOP = CARD.replace("card", "shop")
KEY = 'events.v1"\nkey = "card"'


def keyed(text: str) -> str:
    """The same with events that are keyed by the card."""
    return text.replace('events.v1"', KEY)


def numbers(stage: Stage) -> list[int]:
    """Of its entities, the tables of the file."""
    return [number for number, _ in stage.entities]


def test_a_pipeline_of_events_alone_has_one_stage(tmp_path: Path) -> None:
    (only,) = stages(read(tmp_path, SMALLEST))
    assert only == Stage(("p.events.v1",), "p.state.v1")
    assert only.scores


def test_labels_are_read_beside_the_events(tmp_path: Path) -> None:
    (only,) = stages(read(tmp_path, WITH_ID + LABELS))
    assert only == Stage(("p.events.v1", "l"), "p.state.v1", joins=True)


def test_the_entity_that_keys_the_events_needs_no_stage_of_its_own(tmp_path: Path) -> None:
    pipeline = read(tmp_path, keyed(WITH_ID) + LABELS + CARD)
    (only,) = stages(pipeline)
    assert only.inputs == ("p.events.v1", "l")
    assert only.entities == ((0, pipeline.entities[0]),)
    assert only.scores


def test_another_entity_is_added_by_a_stage_of_its_own(tmp_path: Path) -> None:
    first, last = stages(read(tmp_path, keyed(WITH_ID) + LABELS + SHOP + CARD))
    assert (first.inputs, first.state_topic) == (("p.events.v1", "l"), "p.events.state.v1")
    assert (first.next_topic, first.next_field) == ("p.by-shop.v1", "shop")
    assert (numbers(first), first.scores) == ([1], False)
    assert (last.inputs, last.state_topic) == (("p.by-shop.v1",), "p.state.v1")
    assert (numbers(last), last.scores) == ([0], True)


def test_where_nothing_keys_the_events_every_entity_gets_a_stage(tmp_path: Path) -> None:
    first, second, last = stages(read(tmp_path, SMALLEST + CARD + SHOP))
    assert [stage.inputs for stage in (first, second, last)] == [
        ("p.events.v1",),
        ("p.by-card.v1",),
        ("p.by-shop.v1",),
    ]
    assert [stage.state_topic for stage in (first, second, last)] == [
        "p.events.state.v1",
        "p.by-card.state.v1",
        "p.state.v1",
    ]
    assert [numbers(stage) for stage in (first, second, last)] == [[], [0], [1]]
    assert [stage.scores for stage in (first, second, last)] == [False, False, True]


def test_labels_keyed_by_the_id_are_joined_in_the_last_stage_that_scores(tmp_path: Path) -> None:
    by_id = LABELS + 'key = "id"\n'
    first, last = stages(read(tmp_path, keyed(WITH_ID) + by_id + CARD))
    assert (first.inputs, first.next_topic) == (("p.events.v1", "l"), "p.by-id.v1")
    assert (numbers(first), first.joins, first.scores) == ([0], False, False)
    assert (last.inputs, last.state_topic) == (("p.by-id.v1",), "p.state.v1")
    assert (numbers(last), last.joins, last.scores) == ([], True, True)
    middle = stages(read(tmp_path, keyed(WITH_ID) + by_id + SHOP))[1]
    assert (middle.inputs, middle.next_field, middle.joins) == (("p.by-shop.v1",), "id", False)


def test_where_events_are_keyed_by_the_id_labels_are_joined_at_once(tmp_path: Path) -> None:
    by_id = WITH_ID.replace('id = "id"', 'id = "id"\nkey = "id"') + LABELS + 'key = "id"\n'
    (only,) = stages(read(tmp_path, by_id))
    assert only.joins


def test_tables_of_one_field_share_its_stage(tmp_path: Path) -> None:
    more = 'windows = ["7d"]\n'
    pipeline = read(tmp_path, keyed(SMALLEST) + SHOP + CARD + SHOP + more)
    first, last = stages(pipeline)
    assert entity_fields(pipeline) == ["shop", "card"]
    assert (numbers(first), numbers(last)) == ([1], [0, 2])


def test_each_stage_reads_what_the_one_before_it_writes(tmp_path: Path) -> None:
    text = keyed(SMALLEST) + "".join(CARD.replace("card", f"f{i}") for i in range(4))
    made = stages(read(tmp_path, text))
    assert len(made) == 5
    assert all(after.inputs == (before.next_topic,) for before, after in pairwise(made))
    topics = [topic for stage in made for topic in (*stage.inputs, stage.state_topic)]
    assert len(set(topics)) == len(topics)


@pytest.mark.parametrize(
    ("text", "only"),
    [
        (SMALLEST, True),
        (keyed(LABEL), True),
        (SMALLEST + '[decisions]\nformat = "json"', True),
        (WITH_ID + LABELS, False),
        (SMALLEST + CARD, False),
        (LABEL + METRICS, False),
        (SMALLEST + "[decisions]\nthreshold = 0.0", False),
        (SMALLEST + "[decisions]\nbudget = 1", False),
        (SMALLEST + "[decisions]\nreasons = 1", False),
        (SMALLEST.replace('events.v1"', 'events.v1"\nfunctions = ["math:sqrt"]'), False),
    ],
)
def test_a_pipeline_only_scores_where_nothing_waits_or_is_added(
    tmp_path: Path, text: str, only: bool
) -> None:
    pipeline: Pipeline = read(tmp_path, text)
    assert only_scores(pipeline) is only


def test_what_is_merged_are_the_inputs_of_labels_or_of_several_stages(tmp_path: Path) -> None:
    assert merged_topics(read(tmp_path, SMALLEST)) == ()
    assert merged_topics(read(tmp_path, keyed(WITH_ID) + CARD)) == ()
    assert merged_topics(read(tmp_path, WITH_ID + LABELS)) == ("p.events.v1", "l")
    assert merged_topics(read(tmp_path, keyed(WITH_ID) + SHOP)) == ("p.events.v1",)


def test_the_whole_stream_is_looked_at_in_the_first_stage(tmp_path: Path) -> None:
    stream = '[[entities]]\nfeatures = ["count"]\n'
    first, last = stages(read(tmp_path, keyed(SMALLEST) + stream + SHOP))
    assert (numbers(first), numbers(last)) == ([0], [1])
    (only,) = stages(read(tmp_path, SMALLEST + stream))
    assert (numbers(only), only.inputs) == ([0], ("p.events.v1",))
    assert entity_fields(read(tmp_path, SMALLEST + stream)) == []
