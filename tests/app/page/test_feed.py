"""What a page shows, from records that were made by hand."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Message

from app.kafka.backlog import Offsets
from app.page.alerts import MAX_ALERTS, MAX_REASONS, SHOWN
from app.page.feed import Feed
from app.page.progress import GAP_SECONDS, MAX_RATES
from app.page.windows import MAX_WINDOWS
from app.pipeline.load import load_pipeline
from topics.metrics import BaselineMetrics, WindowMetrics
from topics.records import Alert, ModelVersion, Reason, Source

ALERTS, METRICS, LABELS = "fraud.alerts.v1", "fraud.metrics.v1", "fraud.labels.v1"
PIPELINES = Path(__file__).parents[3] / "pipelines"


def feed(name: str = "fraud") -> Feed:
    return Feed(load_pipeline(PIPELINES / f"{name}.toml", environ={}))


def record(topic: str, value: object, time: int = 5) -> Any:
    data = value if isinstance(value, bytes | None) else msgspec.json.encode(value)
    return Message(topic=topic, partition=0, offset=0, key=b"k", value=data, timestamp=(1, time))


def alert(number: int, id: str | int | None = None, **changed: Any) -> Alert:
    said: dict[str, Any] = {
        "id": f"t{number}" if id is None else id,
        "time": 1000 + number,
        "entity": 7,
        "score": 0.9,
        "threshold": 0.5,
        "reasons": (Reason("amount", 1.5),),
        "model": ModelVersion("fraud", 3),
        "source": Source("fraud.by-terminal.v1", 0, number),
        "event": {"amount": 12.5, "card": 7},
    }
    return Alert(**(said | changed))


def window(start: int, partition: int = 0, ap: float | None = 0.5, **changed: Any) -> WindowMetrics:
    model = BaselineMetrics(100, average_precision=ap, card_precision_at_k=0.2, saved=10.0)
    said: dict[str, Any] = {
        "start": start,
        "end": start + 10,
        "partition": partition,
        "final": True,
        "time": start + 20,
        "k": 25,
        "events": 120,
        "labelled": 100,
        "positives": 4,
        "alerts": 9,
        "model": model,
    }
    return WindowMetrics(**(said | changed))


def test_a_later_record_of_a_window_and_partition_takes_the_place_of_the_earlier_one() -> None:
    said = feed()
    said.read(record(METRICS, window(0, ap=0.3, final=False)))
    said.read(record(METRICS, window(0, ap=0.6)))

    (row,) = said.since(0)["windows"]

    assert row["model"] == {"average_precision": 0.6, "card_precision_at_k": 0.2, "saved": 10.0}
    assert row["final"]
    assert row["events"] == 120


def test_partitions_are_put_together_by_their_weights_and_money_is_added_up() -> None:
    rng = random.Random(3)
    parts = [(p, rng.random(), rng.randint(1, 40), rng.randint(1, 9)) for p in range(5)]
    said = feed()
    for p, ap, positives, k in parts:
        model = BaselineMetrics(50, average_precision=ap, precision_at_k=ap / 2, saved=ap * 100)
        said.read(record(METRICS, window(0, p, positives=positives, k=k, model=model)))

    (row,) = said.since(0)["windows"]

    by_positives = sum(ap * n for _, ap, n, _ in parts) / sum(n for _, _, n, _ in parts)
    by_places = sum(ap / 2 * k for _, ap, _, k in parts) / sum(k for _, _, _, k in parts)
    assert row["model"]["average_precision"] == pytest.approx(by_positives, abs=1e-5)
    assert row["model"]["precision_at_k"] == pytest.approx(by_places, abs=1e-5)
    assert row["model"]["saved"] == pytest.approx(sum(ap for _, ap, _, _ in parts) * 100, abs=0.01)
    assert row["events"] == 600


def test_a_partition_without_a_figure_does_not_count_in_its_mean() -> None:
    said = feed()
    said.read(record(METRICS, window(0, 0, ap=0.4)))
    said.read(record(METRICS, window(0, 1, ap=None, positives=0, final=False)))

    (row,) = said.since(0)["windows"]

    assert row["model"]["average_precision"] == 0.4
    assert not row["final"]
    assert "frozen" not in row


def test_only_the_latest_windows_are_kept() -> None:
    said = feed()
    for n in range(MAX_WINDOWS + 20):
        said.read(record(METRICS, window(10 * n)))

    starts = [row["start"] for row in said.since(0)["windows"]]

    assert starts == [10 * n for n in range(20, MAX_WINDOWS + 20)]


@pytest.mark.parametrize("early", [False, True])
def test_an_alert_gets_its_verdict_whether_the_label_comes_before_or_after(early: bool) -> None:
    said = feed()
    records = [record(ALERTS, alert(1)), record(LABELS, {"id": "t1", "fraud": True})]
    for one in reversed(records) if early else records:
        said.read(one)

    (row,) = said.since(0)["alerts"]

    assert (row["id"], row["label"], row["judged"] > 0) == ("t1", True, True)
    assert (row["amount"], row["entity"]) == (12.5, 7)
    assert said.since(0)["verdicts"] == {"known": 1, "positive": 1}


def test_the_last_label_of_an_id_counts() -> None:
    said = feed()
    said.read(record(ALERTS, alert(1)))
    for label in (True, False):
        said.read(record(LABELS, {"id": "t1", "fraud": label}))

    (row,) = said.since(0)["alerts"]

    assert row["label"] is False
    assert said.since(0)["verdicts"] == {"known": 1, "positive": 0}


def test_who_knows_a_version_is_given_only_what_came_after() -> None:
    said = feed()
    for n in range(5):
        said.read(record(ALERTS, alert(n)))
        said.read(record(METRICS, window(10 * n)))
    version = said.since(0)["version"]
    assert set(said.since(version)) == {"version", "time", "caught_up"}

    said.read(record(LABELS, {"id": "t2", "fraud": True}))
    said.read(record(METRICS, window(30, ap=0.9)))
    changed = said.since(version)

    assert [row["id"] for row in changed["alerts"]] == ["t2"]
    assert [row["start"] for row in changed["windows"]] == [30]


def test_the_latest_alerts_and_the_last_verdicts_are_shown_of_many_that_are_kept() -> None:
    said = feed()
    for n in range(MAX_ALERTS + 100):
        said.read(record(ALERTS, alert(n)))
    for n in range(150):  # the first 100 of them are gone
        said.read(record(LABELS, {"id": f"t{n}", "fraud": False}))

    rows = said.since(0)["alerts"]

    newest = {f"t{n}" for n in range(MAX_ALERTS + 100 - SHOWN, MAX_ALERTS + 100)}
    judged = {f"t{n}" for n in range(150 - SHOWN, 150)}
    assert {row["id"] for row in rows} == newest | judged
    assert said.since(0)["verdicts"] == {"known": 50, "positive": 0}


def test_an_alert_that_is_read_twice_is_shown_once() -> None:
    said = feed()
    for _ in range(2):
        said.read(record(ALERTS, alert(1)))

    assert len(said.since(0)["alerts"]) == 1


def test_long_texts_and_many_reasons_are_cut() -> None:
    said = feed()
    reasons = tuple(Reason(f"x{n}", 1.0) for n in range(50))
    said.read(record(ALERTS, alert(1, "i" * 1000, entity={"a": "b" * 500}, reasons=reasons)))

    (row,) = said.since(0)["alerts"]

    assert len(row["id"]) == len(row["entity"]) == 60
    assert len(row["reasons"]) == MAX_REASONS


@pytest.mark.parametrize("topic", [ALERTS, METRICS, LABELS])
@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b'{"id": []}', b"\xff"])
def test_what_cannot_be_read_is_passed_over(topic: str, value: bytes | None) -> None:
    said = feed()
    said.read(record(topic, value))

    assert (said.since(0).get("alerts", []), said.since(0).get("windows", [])) == ([], [])


def test_the_time_of_the_stream_is_the_largest_that_was_said() -> None:
    said = feed()
    assert said.since(0)["time"] is None

    said.read(record(ALERTS, alert(500)))
    assert said.since(0)["time"] == 1500
    said.read(record(METRICS, window(0)))
    assert said.since(0)["time"] == 1500
    said.read(record(LABELS, {"id": "t9", "fraud": False}, time=9000))
    assert said.since(0)["time"] == 9000


def offsets(done: int, end: int) -> list[Offsets]:
    return [
        Offsets(
            "fraud.events.v1", {0: done, 1: done}, {0: end, 1: end}, {0: end - done, 1: end - done}
        )
    ]


def test_pace_and_lag_are_those_of_all_partitions() -> None:
    said = feed()
    said.progress(100.0, offsets(0, 50))
    said.progress(102.0, offsets(40, 50))

    shown = said.since(0)

    assert shown["rates"] == [[102.0, 40.0]]
    assert shown["topics"] == [{"topic": "fraud.events.v1", "partitions": 2, "lag": 20}]
    said.progress(104.0, offsets(50, 50))
    assert said.since(shown["version"])["rates"] == [[104.0, 10.0]]


def test_the_pace_begins_anew_after_a_time_without_a_look() -> None:
    said = feed()
    said.progress(100.0, offsets(0, 9000))
    said.progress(100.0 + GAP_SECONDS, offsets(9000, 9000))

    assert said.since(0)["rates"] == []


def test_as_many_paces_are_kept_as_the_page_draws() -> None:
    said = feed()
    for n in range(2 * MAX_RATES):
        said.progress(float(n), offsets(n, n))

    assert len(said.since(0)["rates"]) == MAX_RATES


def test_a_plain_pipeline_has_nothing_to_read_but_its_offsets() -> None:
    said = feed("phishing")

    assert said.topics == ()
    about = said.about()
    assert (about["pipeline"], about["metrics"], about["alerts"]) == ("phishing", False, False)


def test_labels_that_come_with_events_are_verdicts_at_once(tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    file.write_text(
        'name = "p"\n[events]\ntopic = "e"\nid = "id"\nlabel = "bad"\n[predictions]\ntopic = "s"\n'
        '[learner]\ntype = "passive_aggressive"\n[decisions]\ntopic = "a"\nthreshold = 0.5\n'
    )
    said = Feed(load_pipeline(file, environ={}))
    said.read(record("a", alert(1, event={"bad": False})))

    assert [row["label"] for row in said.since(0)["alerts"]] == [False]
