"""Files of events: CSV, JSON lines and Parquet; the first two may be packed by gzip. And tables."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast
from zlib import error as ZlibError

import msgspec

from app.replay.base import Event, Source, SourceError
from app.replay.csv_rows import read_csv
from app.replay.parquet import read_parquet
from app.replay.tables import kind_of, open_table

JSON_LINES = (".jsonl", ".ndjson", ".json")
ENDINGS = (".csv", *JSON_LINES, ".parquet")
PACKED = ".gz"


def is_file_name(name: str) -> bool:
    """Whether the name has the ending of a file that can be replayed, or is a table's folder."""
    return _ending(name) in ENDINGS or kind_of(name) is not None


def open_file(name: str) -> Source:
    """The rows of a file, or of a table, as events.

    Raises:
        SourceError: When it is not there, or its ending is none of `ENDINGS`.
    """
    if kind_of(name) is not None:
        return open_table(name)
    path, ending = Path(name), _ending(name)
    if ending not in ENDINGS:
        ends = f"must end in {', '.join(ENDINGS)}, in .gz where it is packed"
        raise SourceError(f"{name}: {ends}; or be a folder of a Delta, Iceberg or Parquet table")
    if not path.is_file():
        raise SourceError(f"{name}: no such file")
    if ending == ".parquet":
        return Source(path.name, lambda: read_parquet(path))
    read = read_csv if ending == ".csv" else read_json_lines
    return Source(path.name, lambda: _unpacked(path, read))


def _ending(name: str) -> str:
    """Of what is in the file: ".csv" of "x.csv.gz"; a packed Parquet file is none."""
    path = Path(name.lower())
    if path.suffix == PACKED:
        inner = path.with_suffix("").suffix
        return "" if inner == ".parquet" else inner
    return path.suffix


def _unpacked(path: Path, read: Callable[[Path, BinaryIO], Iterator[Event]]) -> Iterator[Event]:
    opened = gzip.open if path.suffix.lower() == PACKED else open
    with opened(path, "rb") as file:
        try:
            yield from read(path, cast(BinaryIO, file))
        except (gzip.BadGzipFile, EOFError, ZlibError) as error:
            raise SourceError(f"{path}: cannot be unpacked: {error}") from None


def read_json_lines(path: Path, file: BinaryIO) -> Iterator[Event]:
    """The objects of a file with one JSON object a line; empty lines are passed over.

    Raises:
        SourceError: With the line, for a line that is no JSON object.
    """
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    for line, text in enumerate(file, 1):
        text = text.removeprefix(codecs.BOM_UTF8) if line == 1 else text
        if not text.strip():
            continue
        try:
            yield Event(line, decode(text))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise SourceError(f"{path}:{line}: not a JSON object: {error}") from None
