"""Dead letters are listed with their reason, and go back once to where they came from."""

import pytest
from confluent_kafka import Message, Producer

from app.commands.dead_letters import as_line, as_text
from app.dead_letters import Letter, Resent, group, letters, resend
from app.kafka.clients import reading_consumer
from app.kafka.reading import reading
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline
from tests.kafka.support import create_topic, phishing, read_committed
from topics.dead_letters import OMITTED, dead_letter
from topics.records import Outgoing


@pytest.fixture
def pipeline(kafka: str, topic_name: str) -> Pipeline:
    """With topics of its own, and three events on partition 1."""
    made = phishing(topic_name)
    create_topic(kafka, made.events.topic, 2)
    create_topic(kafka, made.dead_letter_topic, 2)
    for value in (b"{", b"[\x00 1]", None):
        write(kafka, Outgoing(made.events.topic, b"k", value, 1, [("trace", b"7"), ("null", None)]))
    return made


def write(kafka: str, record: Outgoing) -> None:
    """Produce one record."""
    producer = Producer({"bootstrap.servers": kafka})
    producer.produce(
        record.topic,
        record.value,
        record.key,
        partition=-1 if record.partition is None else record.partition,
        headers=list(record.headers or []),
    )
    assert producer.flush(30) == 0


def set_aside(kafka: str, pipeline: Pipeline) -> list[Message]:
    """Write a dead letter for each event of the pipeline, as a worker does."""
    events = read_committed(kafka, pipeline.events.topic)
    for event in events:
        error = ValueError("no\ngood")
        letter = dead_letter(pipeline.dead_letter_topic, event, "decode", error)
        write(kafka, letter._replace(partition=(event.offset() or 0) % 2))
    return events


def listed(kafka: str, pipeline: Pipeline) -> list[Letter]:
    """The letters of the pipeline, by the offset of their events."""
    with reading(pipeline, KafkaSettings(kafka)) as reader:
        return sorted(letters(pipeline, reader), key=lambda letter: letter.reason.offset)


def replayed(kafka: str, pipeline: Pipeline) -> Resent:
    """As `riverrun dead-letters FILE replay`."""
    settings, name = KafkaSettings(kafka), group(pipeline)
    with reading(pipeline, settings, name) as reader:
        return resend(
            pipeline,
            reader,
            settings.producer({"transactional.id": name}),
            reading_consumer(settings, name),
        )


def test_letters_are_listed_with_place_stage_reason_and_value(
    kafka: str, pipeline: Pipeline
) -> None:
    set_aside(kafka, pipeline)
    topic = pipeline.events.topic
    assert [as_text(letter) for letter in listed(kafka, pipeline)] == [
        f"{topic}[1]@0  decode  ValueError: no good  {{",
        f"{topic}[1]@1  decode  ValueError: no good  [� 1]",
        f"{topic}[1]@2  decode  ValueError: no good  (no value)",
    ]
    assert as_line(listed(kafka, pipeline)[0]) == (
        f'{{"topic": "{topic}", "partition": 1, "offset": 0, "stage": "decode", '
        '"exception": "builtins.ValueError", "message": "no\\ngood", "value": "{"}'
    )


def test_letters_go_back_as_they_were_and_only_once(kafka: str, pipeline: Pipeline) -> None:
    events = set_aside(kafka, pipeline)
    assert replayed(kafka, pipeline) == Resent(sent=3)
    assert replayed(kafka, pipeline) == Resent()
    again = [
        record
        for record in read_committed(kafka, pipeline.events.topic)
        if (record.offset() or 0) > 2
    ]
    assert {record.partition() for record in again} == {1}
    assert sorted((r.value() or b"", r.key()) for r in again) == sorted(
        (event.value() or b"", event.key()) for event in events
    )
    assert all(record.headers() == events[0].headers() for record in again)


def test_letters_that_come_later_go_back_later(kafka: str, pipeline: Pipeline) -> None:
    set_aside(kafka, pipeline)
    replayed(kafka, pipeline)
    event = read_committed(kafka, pipeline.events.topic)[0]
    write(kafka, dead_letter(pipeline.dead_letter_topic, event, "learn", ValueError("x")))
    assert replayed(kafka, pipeline) == Resent(sent=1)


def test_a_letter_without_its_origin_is_passed_over_and_counted(
    kafka: str, pipeline: Pipeline
) -> None:
    write(kafka, Outgoing(pipeline.dead_letter_topic, None, b"whose?"))
    set_aside(kafka, pipeline)
    assert replayed(kafka, pipeline) == Resent(sent=3, without_origin=1)


def test_a_letter_whose_value_was_too_large_is_passed_over_and_counted(
    kafka: str, pipeline: Pipeline
) -> None:
    set_aside(kafka, pipeline)
    event = read_committed(kafka, pipeline.events.topic)[0]
    letter = dead_letter(pipeline.dead_letter_topic, event, "decode", ValueError("too large"))
    headers = [*(letter.headers or []), (OMITTED, b"9000000")]
    write(kafka, letter._replace(value=None, headers=headers))
    assert replayed(kafka, pipeline) == Resent(sent=3, without_value=1)
