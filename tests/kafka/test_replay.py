"""A replay brings the events of a source to Kafka, each once, and says so."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.kafka.clients import replay_producer
from app.kafka.cluster import Cluster
from app.kafka.settings import KafkaSettings
from app.pipeline.load import Pipeline, load_pipeline
from app.replay.base import Event, Source, SourceError
from app.replay.replay import Progress, ReplayError, ReplayOptions, replay
from app.replay.sources import open_source
from tests.kafka.support import create_topic, read_committed

PIPELINES = Path(__file__).parents[2] / "pipelines"


def pipeline(name: str, topic: str) -> Pipeline:
    """A pipeline that comes along, with an events topic of its own."""
    return load_pipeline(PIPELINES / f"{name}.toml", {"events.topic": topic}, {})


def send(
    kafka: str,
    to: Pipeline,
    source: Source,
    stop: threading.Event | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Progress:
    """Replay `source` to its end."""
    settings = replay_producer(KafkaSettings(kafka))
    return replay(to, source, settings, ReplayOptions(**options), progress=progress, stop=stop)


def test_a_data_set_arrives_whole_and_in_order(kafka: str, topic_name: str) -> None:
    create_topic(kafka, topic_name, 1)
    to = pipeline("phishing", topic_name)
    progress = send(kafka, to, open_source("phishing", "id", "is_phishing"))
    records = read_committed(kafka, topic_name)
    sent = [event.fields for event in open_source("phishing", "id", "is_phishing").read()]
    assert [msgspec.json.decode(record.value() or b"") for record in records] == sent
    assert [record.key() for record in records[:2]] == [b"phishing-000000", b"phishing-000001"]
    assert (progress.sent, progress.delivered, progress.failed) == (1250, 1250, 0)


def test_more_events_than_the_producer_holds_arrive(kafka: str, topic_name: str) -> None:
    create_topic(kafka, topic_name, 3)
    to = pipeline("shuttle", topic_name)
    settings = replay_producer(KafkaSettings(kafka), {"queue.buffering.max.messages": 100})
    shown: list[int] = []
    source = open_source("shuttle", "id", "anomaly")
    progress = replay(
        to,
        source,
        settings,
        ReplayOptions(limit=20_000),
        show=lambda now: shown.append(now.delivered),
    )
    records = read_committed(kafka, topic_name, 20_000)
    ids = {msgspec.msgpack.decode(record.value() or b"")["id"] for record in records}
    assert len(ids) == progress.delivered == 20_000
    assert shown[-1] == 20_000


def test_the_key_is_the_field_that_is_asked_for(kafka: str, topic_name: str) -> None:
    create_topic(kafka, topic_name)
    source = Source("rows", lambda: iter([Event(1, {"id": "a", "card": 5})]))
    send(kafka, pipeline("phishing", topic_name), source, key="card")
    assert [record.key() for record in read_committed(kafka, topic_name)] == [b"5"]


def test_a_speed_is_kept(kafka: str, topic_name: str) -> None:
    create_topic(kafka, topic_name)
    source = open_source("phishing", "id", "is_phishing")
    started = time.monotonic()
    send(kafka, pipeline("phishing", topic_name), source, speed=100, limit=101)
    assert time.monotonic() - started >= 1.0  # a busy machine only makes it longer


def test_a_pace_is_kept_by_the_times_of_the_events(kafka: str, topic_name: str) -> None:
    create_topic(kafka, topic_name)
    times = [1_000_000, 1_000_000, 1_030_000, 1_060_000]
    source = Source("rows", lambda: (Event(n, {"id": n}, "event", t) for n, t in enumerate(times)))
    started = time.monotonic()
    send(kafka, pipeline("phishing", topic_name), source, pace=60.0)
    assert time.monotonic() - started >= 1.0  # a busy machine only makes it longer
    stamps = [record.timestamp()[1] for record in read_committed(kafka, topic_name)]
    assert sorted(stamps) == times


def test_a_pace_of_what_has_no_times_is_refused(kafka: str, topic_name: str) -> None:
    create_topic(kafka, topic_name)
    source = open_source("phishing", "id", "is_phishing")
    with pytest.raises(ReplayError, match=r"^phishing:0: has no time to keep a pace by"):
        send(kafka, pipeline("phishing", topic_name), source, pace=60.0)


def test_the_key_that_the_pipeline_names_wins_over_that_of_the_source(
    kafka: str, topic_name: str
) -> None:
    create_topic(kafka, topic_name)
    fields = {"id": "a", "card": 5, "shop": 6}
    source = Source("rows", lambda: iter([Event(1, fields)]), key="card")
    to = load_pipeline(
        PIPELINES / "phishing.toml", {"events.topic": topic_name, "events.key": "shop"}, {}
    )
    send(kafka, to, source)
    send(kafka, to, source, key="id")
    assert [record.key() for record in read_committed(kafka, topic_name)] == [b"6", b"a"]


def test_a_refused_record_is_named_and_the_others_of_its_batch_arrive(
    kafka: str, topic_name: str
) -> None:
    create_topic(kafka, topic_name, 1, message_timestamp_after_max_ms="3600000")
    now = int(time.time() * 1000)
    times = [now - 2, now - 1, now + 10 * 86_400_000, now]
    source = Source("rows", lambda: (Event(n, {"id": n}, "event", t) for n, t in enumerate(times)))
    to, progress = pipeline("phishing", topic_name), Progress()
    batched = replay_producer(KafkaSettings(kafka), {"linger.ms": 1000})
    with pytest.raises(ReplayError, match=r"take 1 of 4 events; the first is rows:2: .*after\.max"):
        replay(to, source, batched, progress=progress)
    arrived = [
        msgspec.json.decode(r.value() or b"")["id"] for r in read_committed(kafka, topic_name)
    ]
    assert sorted(arrived) == [0, 1, 3]
    assert progress.delivered == 3


def test_what_stands_before_a_bad_row_is_delivered(
    kafka: str, topic_name: str, tmp_path: Path
) -> None:
    create_topic(kafka, topic_name)
    (tmp_path / "x.csv").write_text("id,a\n1,2\n2,3\n3\n")
    progress = Progress()
    with pytest.raises(SourceError, match=r"x\.csv:4: 1 cells, the header has 2"):
        send(
            kafka,
            pipeline("phishing", topic_name),
            open_source(str(tmp_path / "x.csv")),
            progress=progress,
        )
    assert progress.delivered == len(read_committed(kafka, topic_name)) == 2


def test_an_event_without_its_key_is_refused_with_its_line(kafka: str, topic_name: str) -> None:
    create_topic(kafka, topic_name)
    source = Source("rows.csv", lambda: iter([Event(2, {"id": "a"}), Event(3, {"a": 1})]))
    with pytest.raises(ReplayError, match=r'rows\.csv:3: has no field "id"'):
        send(kafka, pipeline("phishing", topic_name), source)


def test_what_kafka_does_not_take_is_counted_with_its_line(kafka: str, topic_name: str) -> None:
    create_topic(kafka, topic_name, 1, max_message_bytes="1000")
    rows = [Event(n, {"id": n, "text": "x" * (5000 if n == 3 else 5)}) for n in range(1, 6)]
    progress = Progress()
    settings = {"compression.type": "none", "linger.ms": 0, "batch.num.messages": 1}
    with pytest.raises(ReplayError, match=r"did not take 1 of 5 events; the first is rows:3: "):
        replay(
            pipeline("phishing", topic_name),
            Source("rows", lambda: iter(rows)),
            replay_producer(KafkaSettings(kafka), settings),
            progress=progress,
        )
    assert (progress.delivered, progress.failed) == (4, 1)


def test_being_stopped_leaves_what_was_sent_delivered(kafka: str, topic_name: str) -> None:
    create_topic(kafka, topic_name)
    stop = threading.Event()

    def rows() -> Iterator[Event]:
        for n in range(5000):
            if n == 500:
                stop.set()
            yield Event(n, {"id": n})

    to, source = pipeline("phishing", topic_name), Source("rows", rows)
    progress = send(kafka, to, source, stop=stop)
    assert progress.delivered == len(read_committed(kafka, topic_name)) == 500


def test_a_replay_ends_between_two_times(kafka: str, topic_name: str) -> None:
    create_topic(kafka, topic_name)
    stop, now = threading.Event(), round(time.time()) * 1000

    def rows() -> Iterator[Event]:
        for n in range(100):
            if n == 44:
                stop.set()
            yield Event(n, {"id": n}, timestamp=now + n // 10)

    progress = send(kafka, pipeline("phishing", topic_name), Source("rows", rows), stop=stop)
    assert progress.delivered == 50
    cluster = Cluster(KafkaSettings(kafka), 30)
    assert cluster.newest([topic_name]) == now + 4


def test_empty_topics_have_no_newest_record(kafka: str, topic_name: str) -> None:
    create_topic(kafka, topic_name, 2)
    assert Cluster(KafkaSettings(kafka), 30).newest([topic_name]) is None
