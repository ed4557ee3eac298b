"""Writes the topic of [history] to a file, for a training offline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from app.errors import RiverrunError
from app.files.whole import written_aside
from app.history.arrow import row_of, schema_of
from app.kafka.reading import Reader
from app.pipeline.load import Pipeline
from app.pipeline.topics import codec_of
from app.replay.parquet import NEEDED
from topics.errors import DecodeError
from topics.history import LabelledEvent

ENDINGS = (".parquet", ".jsonl")
ROWS = 10_000
"""Of a row group."""


class ExportRefused(RiverrunError):
    """The history cannot be written. What was there is as it was."""


@dataclass
class Exported:
    """How many rows were written, and how many records of the topic were none."""

    rows: int = 0
    unreadable: int = 0


def export(pipeline: Pipeline, reader: Reader, path: Path, *, force: bool = False) -> Exported:
    """Write all that is on the topic of the history, partition after partition.

    The file is written aside, and takes its name when it is whole.

    Args:
        pipeline: Has [history].
        reader: Reads committed records.
        path: Ends in one of `ENDINGS`.
        force: Whether a file that is there is replaced.

    Raises:
        ExportRefused: Without [history], for another ending or a file that is there.
    """
    if pipeline.history is None:
        raise ExportRefused(
            f"{pipeline.name} has no table [history]: a pipeline keeps what it has scored where"
            " history.topic names a topic for it"
        )
    if path.suffix not in ENDINGS:
        raise ExportRefused(f"{path}: must end in {' or '.join(ENDINGS)}")
    if path.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise ExportRefused(f"{path}: {NEEDED}")
    if path.exists() and not force:
        raise ExportRefused(f"{path}: is there already; --force replaces it")
    write: Callable[[Pipeline, BinaryIO, Iterator[LabelledEvent]], None]
    write = _write_parquet if path.suffix == ".parquet" else _write_lines
    found, draft = Exported(), path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)  # of an export that was killed
    with written_aside(path, draft, replace=True) as file:
        write(pipeline, file, _events(pipeline, reader, found))
    return found


def _events(pipeline: Pipeline, reader: Reader, found: Exported) -> Iterator[LabelledEvent]:
    assert pipeline.history is not None
    decode: Callable[[bytes], Any] = codec_of(pipeline, "history").decoder(LabelledEvent)
    for record in reader.read(pipeline.history.topic):
        try:
            event: LabelledEvent = decode(record.value() or b"")
        except (DecodeError, msgspec.MsgspecError):  # somebody else's
            found.unreadable += 1
            continue
        found.rows += 1
        yield event


def _write_lines(_: Pipeline, file: BinaryIO, events: Iterator[LabelledEvent]) -> None:
    encode = msgspec.json.Encoder().encode
    for event in events:
        file.write(encode(event) + b"\n")


def _write_parquet(pipeline: Pipeline, file: BinaryIO, events: Iterator[LabelledEvent]) -> None:
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    schema = schema_of(pipeline)
    with ParquetWriter(file, schema) as writer:
        while part := [row_of(schema, event) for event in islice(events, ROWS)]:
            writer.write_table(pa.Table.from_pylist(part, schema=schema))
