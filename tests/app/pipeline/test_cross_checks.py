"""What does not go together in a pipeline file is refused, and every topic has one use."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.pipeline.cross_checks import entity_table
from tests.app.pipeline_files import CARD, LABEL, LABELS, METRICS, SMALLEST, WITH_ID, read, refusal

REFUSED = {
    "labels that cannot find their event": (
        SMALLEST + LABELS,
        "p.toml:8: labels: needs events.id, the field by which a label finds its event",
    ),
    "labels in the events and on a topic": (
        WITH_ID.replace('"id"', '"id"\nlabel = "y"') + LABELS,
        'p.toml:5: events.label = "y": cannot be beside [labels]: labels come with events, '
        "or later",
    ),
    "an entity of labels that never come": (
        SMALLEST + CARD + 'source = "labels"',
        'p.toml:11: entities[0].source = "labels": needs labels: events.label, or a table [labels]',
    ),
    "an entity of labels that meet their events too late": (
        WITH_ID + LABELS + 'key = "id"\n' + CARD + 'source = "labels"',
        'p.toml:15: entities[0].source = "labels": cannot be beside labels.key = "id": labels meet'
        " their events behind all entities",
    ),
    "an id that a topic cannot be named after": (
        WITH_ID.replace('"id"', '"order no"') + LABELS + 'key = "id"',
        'p.toml:4: events.id = "order no": becomes part of the topic "p.by-order no.v1", '
        "so it may have letters, digits, '.', '_' and '-' only",
    ),
    "labels keyed by what they have not": (
        WITH_ID + LABELS + 'key = "card"',
        'p.toml:11: labels.key: must be "id"',
    ),
    "metrics of labels that never come": (
        SMALLEST + METRICS,
        "p.toml:8: metrics: needs labels to judge by: events.label, or a table [labels]",
    ),
    "a field that a topic cannot be named after": (
        SMALLEST + CARD.replace("card", "card no"),
        'p.toml:9: entities[0].field = "card no": becomes part of the topic "p.by-card no.v1", '
        "so it may have letters, digits, '.', '_' and '-' only",
    ),
}


@pytest.mark.parametrize(("text", "line"), REFUSED.values(), ids=REFUSED.keys())
def test_it_is_refused_in_one_line(tmp_path: Path, text: str, line: str) -> None:
    assert refusal(tmp_path, text) == line


def test_a_field_that_keys_the_events_already_names_no_topic(tmp_path: Path) -> None:
    text = SMALLEST.replace('events.v1"', 'events.v1"\nkey = "card no"')
    assert read(tmp_path, text + CARD.replace("card", "card no")).entities[0].field == "card no"


def test_a_field_that_makes_a_topic_too_long_is_refused(tmp_path: Path) -> None:
    line = refusal(tmp_path, SMALLEST + CARD.replace("card", "c" * 245))
    assert line.endswith("is too long: a topic is named after it, of 249 characters")


def everything(**topics: str) -> str:
    """A pipeline with all of its topics; those that are given have other names."""
    named = {"events": "e", "predictions": "q", "labels": "l", "decisions": "a", "metrics": "m"}
    tables = [f'[{table}]\ntopic = "{topic}"\n' for table, topic in (named | topics).items()]
    text = "".join(tables).replace("[events]\n", '[events]\nid = "id"\nkey = "card"\n')
    text = text.replace("[decisions]\n", "[decisions]\nbudget = 5\n")
    learner = '[learner]\ntype = "passive_aggressive"\n'
    return f'name = "p"\n{text}{learner}{CARD}{CARD.replace("card", "shop")}'


@pytest.mark.parametrize(
    ("table", "topic", "line", "other"),
    [
        ("predictions", "e", 7, "events.topic"),
        ("labels", "e", 9, "events.topic"),
        ("predictions", "l", 7, "labels.topic"),
        ("decisions", "l", 12, "labels.topic"),
        ("metrics", "a", 14, "decisions.topic"),
        ("metrics", "p_by-shop_v1", 14, "the topic p.by-shop.v1 of this pipeline"),
        ("labels", "p.events.state.v1", 9, "the topic p.events.state.v1 of this pipeline"),
        ("decisions", "p.state.v1", 12, "the state topic of this pipeline"),
        ("labels", "p.dead-letters.v1", 9, "the dead-letter topic of this pipeline"),
    ],
)
def test_no_topic_has_two_uses(
    tmp_path: Path, table: str, topic: str, line: int, other: str
) -> None:
    assert read(tmp_path, everything()).labels is not None
    assert refusal(tmp_path, everything(**{table: topic})) == (
        f'p.toml:{line}: {table}.topic = "{topic}": must differ from {other} '
        "(to Kafka '.' and '_' collide)"
    )


def test_two_fields_do_not_name_one_topic(tmp_path: Path) -> None:
    text = SMALLEST + CARD.replace("card", "a.b") + CARD.replace("card", "a_b")
    assert refusal(tmp_path, text) == (
        'p.toml:12: entities[1].field = "a_b": its topic p.by-a_b.v1 must differ from the topic '
        "p.by-a.b.v1 of this pipeline (to Kafka '.' and '_' collide)"
    )


def test_the_agents_get_the_tables_with_the_name_of_the_label(tmp_path: Path) -> None:
    text = WITH_ID + LABELS + 'label = "fraud"\n' + CARD + CARD.replace("card", "terminal")
    pipeline = read(tmp_path, text + 'windows = ["7d"]\nsource = "labels"')
    card, terminal = (entity_table(pipeline, n, e) for n, e in enumerate(pipeline.entities))
    assert (card.number, card.field, card.source, card.windows) == (0, "card", "events", (86400.0,))
    assert (terminal.number, terminal.field, terminal.source) == (1, "terminal", "labels")
    assert (terminal.features, terminal.windows) == (("count",), (604_800.0,))
    assert (terminal.delay, terminal.bucket, terminal.label) == (0.0, None, "fraud")


def test_labels_that_come_in_their_events_are_a_source_too(tmp_path: Path) -> None:
    more = "[events.label_values]\nUP = true\n"
    table = '[[entities]]\nsource = "labels"\nfeatures = ["last(y)"]\n'
    pipeline = read(tmp_path, LABEL + more + table)
    stream = entity_table(pipeline, 0, pipeline.entities[0])
    assert (stream.field, stream.label, stream.with_events) == (None, "y", True)
    assert stream.label_values == {"UP": True}
    assert 'needs source = "labels"' in refusal(tmp_path, LABEL + table.replace("labels", "events"))
