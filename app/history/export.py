"""Writes the topic of [history] to a file, for a training offline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec

from app.errors import RiverrunError
from app.files.whole import written_aside
from app.kafka.reading import Reader
from app.pipeline.load import Pipeline
from app.pipeline.topics import codec_of
from app.replay.parquet import NEEDED
from app.sinks.columns import rows_of
from app.sinks.store import Refused
from topics.codecs import UNDECODABLE
from topics.history import LabelledEvent
from topics.records import Record

T = TypeVar("T")

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
    write = _write_parquet if path.suffix == ".parquet" else _write_lines
    found, draft = Exported(), path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)  # of an export that was killed
    with written_aside(path, draft, replace=True) as file:
        write(pipeline, reader, file, found)
    return found


def _write_lines(pipeline: Pipeline, reader: Reader, file: BinaryIO, found: Exported) -> None:
    decode: Callable[[bytes], Any] = codec_of(pipeline, "history").decoder(LabelledEvent)
    encode = msgspec.json.Encoder().encode
    for event in _made(pipeline, reader, found, lambda record: decode(record.value() or b"")):
        file.write(encode(event) + b"\n")


def _write_parquet(pipeline: Pipeline, reader: Reader, file: BinaryIO, found: Exported) -> None:
    """The columns are those of a sink of the same topic."""
    from pyarrow.parquet import ParquetWriter

    from app.sinks.arrow import schema_of, table_of

    rows = rows_of(pipeline, "history")
    made = _made(pipeline, reader, found, rows.row)
    with ParquetWriter(file, schema_of(rows.columns)) as writer:
        while part := list(islice(made, ROWS)):
            try:
                writer.write_table(table_of(rows.columns, part))
            except Refused as error:
                raise ExportRefused(f"{file.name}: {error}") from error


def _made(
    pipeline: Pipeline, reader: Reader, found: Exported, make: Callable[[Record], T]
) -> Iterator[T]:
    """What is made of each record; those of somebody else are counted."""
    assert pipeline.history is not None
    for record in reader.read(pipeline.history.topic):
        try:
            made = make(record)
        except UNDECODABLE:
            found.unreadable += 1
            continue
        found.rows += 1
        yield made
