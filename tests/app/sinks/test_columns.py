"""The records of each output as rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.sinks.columns import Rows, rows_of
from tests.app.pipeline_files import LABEL, read
from topics.codecs import UNDECODABLE, Codec
from topics.history import LabelledEvent
from topics.metrics import BaselineMetrics, WindowMetrics
from topics.records import Alert, ModelVersion, Prediction, Reason, Source

MODEL, SOURCE = ModelVersion("arow", 41), Source("events", 3, 17)
JSON = Codec("json")


class OnKafka:
    """A record at predictions[2]@5."""

    def __init__(self, value: bytes | None, key: bytes | None = b"card \xff", known: int = 1):
        self._value, self._key, self._known = value, key, known

    def topic(self) -> str:
        return "predictions"

    def partition(self) -> int:
        return 2

    def offset(self) -> int:
        return 5

    def key(self) -> Any:
        return self._key

    def value(self) -> Any:
        return self._value

    def timestamp(self) -> tuple[int, int]:
        return self._known, 1_700_000_000_000

    def headers(self) -> Any:
        return None


def as_row(value: msgspec.Struct, **others: Any) -> dict[str, Any]:
    """The row of a value, by its columns."""
    rows = Rows(type(value), JSON.decoder(type(value)))
    made = rows.row(OnKafka(JSON.encode(value), **others))
    return dict(zip([column.name for column in rows.columns], made, strict=True))


def test_a_prediction_has_its_coordinates_and_its_fields() -> None:
    said = Prediction(
        7, True, 0.75, MODEL, SOURCE, "alert", 0.5, (Reason("amount", 0.25),), {"rule": {"a": 1}}
    )

    assert as_row(said) == {
        "kafka_partition": 2,
        "kafka_offset": 5,
        "kafka_time": 1_700_000_000_000,
        "kafka_key": "card \\xff",
        "id": "7",
        "prediction": "true",
        "score": 0.75,
        "model_name": "arow",
        "model_version": 41,
        "source_topic": "events",
        "source_partition": 3,
        "source_offset": 17,
        "decision": "alert",
        "threshold": 0.5,
        "reasons": '[{"feature":"amount","contribution":0.25}]',
        "rivals": '{"rule":{"a":1}}',
    }


def test_what_is_left_out_is_null() -> None:
    row = as_row(Prediction(None, "spam", None, MODEL, SOURCE), key=None, known=0)

    assert row["prediction"] == "spam"
    names = ("id", "score", "decision", "threshold", "reasons", "rivals", "kafka_key", "kafka_time")
    assert [row[name] for name in names] == [None] * len(names)


def test_an_alert_has_the_fields_of_its_event() -> None:
    said = Alert("e1", 1_600_000_000_000, 12, 0.9, 0.5, None, MODEL, SOURCE, {"amount": 3.5})

    row = as_row(said)

    assert (row["id"], row["time"], row["entity"]) == ("e1", 1_600_000_000_000, "12")
    assert (row["event"], row["reasons"]) == ('{"amount":3.5}', None)


def test_metrics_have_the_figures_of_each_scorer_as_json() -> None:
    said = WindowMetrics(0, 10, 1, True, 11, 5, 100, 90, 9, 3, model=BaselineMetrics(90, 0.75))

    row = as_row(said)

    assert (row["start"], row["end"], row["final"], row["labelled"]) == (0, 10, True, 90)
    assert msgspec.json.decode(row["model"])["roc_auc"] == 0.75
    assert row["frozen"] is None


@pytest.mark.parametrize("value", [None, b"", b"no json", b'{"id": 1}', b"[" * 100_000])
def test_a_value_of_another_form_is_undecodable(value: bytes | None) -> None:
    rows = Rows(Prediction, JSON.decoder(Prediction))

    with pytest.raises(UNDECODABLE):
        rows.row(OnKafka(value))


def test_an_event_with_its_label_has_the_parts_of_model_and_source() -> None:
    said = LabelledEvent(
        7,
        1_000,
        True,
        2_000,
        "learn",
        1,
        {"amount": 2.5},
        {"card": "c"},
        False,
        0.25,
        MODEL,
        SOURCE,
    )
    row = as_row(said)
    assert [row[name] for name in ("id", "time", "label", "features", "fields")] == [
        "7",
        1_000,
        "true",
        '{"amount":2.5}',
        '{"card":"c"}',
    ]
    assert (row["model_version"], row["source_offset"], row["score"]) == (41, 17, 0.25)
    unscored = as_row(msgspec.structs.replace(said, model=None, source=None))
    assert unscored.keys() == row.keys()
    assert (unscored["model_version"], unscored["source_topic"]) == (None, None)


@pytest.mark.parametrize(
    ("learner", "kind", "label", "stored"),
    [
        ("passive_aggressive", "bool", True, True),
        ("linear_regression", "float", 2.5, 2.5),
        ("passive_aggressive_multiclass", "text", 3, "3"),
    ],
)
def test_labels_of_one_type_are_stored_in_it(
    tmp_path: Path, learner: str, kind: str, label: Any, stored: Any
) -> None:
    text = LABEL.replace("passive_aggressive", learner) + '[history]\ntopic = "h"\n'
    rows = rows_of(read(tmp_path, text), "history")
    said = LabelledEvent(7, 1, label, 2, "learn", 1, {}, {}, None, None, None, None)

    row = dict(zip(rows.columns, rows.row(OnKafka(JSON.encode(said))), strict=True))

    found = {c.name: (c.kind, value) for c, value in row.items()}
    assert (found["label"], found["prediction"]) == ((kind, stored), (kind, None))
