"""Events whose labels have come, as rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from app.pipeline.load import Pipeline
from app.pipeline.models import new_model
from topics.history import LabelledEvent

if TYPE_CHECKING:
    import pyarrow as pa

_encode = msgspec.json.Encoder().encode


def schema_of(pipeline: Pipeline) -> pa.Schema:
    """The columns: one struct of the features where the pipeline names them, else their JSON."""
    import pyarrow as pa

    names, task = pipeline.events.features, new_model(pipeline).task
    label = {"binary": pa.bool_(), "regression": pa.float64()}.get(task, pa.string())
    features = pa.struct([(name, pa.float64()) for name in names]) if names else pa.string()
    return pa.schema([
        ("id", pa.string()),
        ("time", pa.timestamp("ms", "UTC")),
        ("features", features),
        ("fields", pa.string()),
        ("label", label),
        ("label_time", pa.timestamp("ms", "UTC")),
        ("kind", pa.string()),
        ("weight", pa.int64()),
        ("prediction", label),
        ("score", pa.float64()),
        ("model_name", pa.string()),
        ("model_version", pa.int64()),
        ("source_topic", pa.string()),
        ("source_partition", pa.int64()),
        ("source_offset", pa.int64()),
    ])  # fmt: skip


def row_of(schema: pa.Schema, event: LabelledEvent) -> dict[str, Any]:
    """The row of an event."""
    import pyarrow as pa

    model, source = event.model, event.source
    of_label = _as(schema.field("label").type)
    plain = pa.types.is_struct(schema.field("features").type)
    return {
        "id": None if event.id is None else str(event.id),
        "time": event.time,
        "features": event.features if plain else _encode(event.features).decode(),
        "fields": _encode(event.fields).decode(),
        "label": of_label(event.label),
        "label_time": event.label_time,
        "kind": event.kind,
        "weight": event.weight,
        "prediction": None if event.prediction is None else of_label(event.prediction),
        "score": event.score,
        "model_name": model and model.name,
        "model_version": model and model.version,
        "source_topic": source and source.topic,
        "source_partition": source and source.partition,
        "source_offset": source and source.offset,
    }


def _as(type_: pa.DataType) -> type:
    import pyarrow as pa

    if pa.types.is_boolean(type_):
        return bool
    return float if pa.types.is_floating(type_) else str
