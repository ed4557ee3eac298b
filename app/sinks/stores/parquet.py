"""Parquet files in a folder on this machine, on HDFS or on S3: a file for each span of offsets.

The name of a file is the position at which it begins, so of two writers at one position the
folder takes a single one. Its footer has the position at which it ends. There is no other state:
a file is there as a whole with its position, or not at all.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from app.files import FilesAway, FilesError, FileThere, open_folder
from app.sinks.arrow import require_columns, schema_of, table_of
from app.sinks.columns import Column
from app.sinks.store import Moved, SchemaMismatch, SinkError, Span, StoreAway

END = b"riverrun.end"


class ParquetStore:
    """See `app.sinks.store.Store`.

    Args:
        url: Of the folder.
        table: The folder in it.
        identity: Of the sink; its last part, the topic, begins the names of the files.
        options: Of the file system.
    """

    def __init__(self, url: str, table: str, identity: str, options: Mapping[str, Any]) -> None:
        self._folder = open_folder(f"{url.rstrip('/')}/{table}", options)
        self._topic = identity.rpartition("/")[2]
        self._name = re.compile(rf"{re.escape(self._topic)}-(\d{{5}})-\d{{20}}\.parquet")
        self._columns: Sequence[Column] = ()
        self._at: dict[int, int] = {}

    def prepare(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        with _explained():
            for name in self._newest().values():
                with self._folder.open(name) as file:
                    self._check(name, pq.read_schema(file))

    def positions(self, partitions: Sequence[int]) -> Mapping[int, int]:
        with _explained():
            newest = self._newest()
            found = {n: self._end(newest[n]) for n in partitions if n in newest}
        self._at |= found
        return found

    def write(self, spans: Sequence[Span]) -> None:
        """Write a file for each span: those before one that fails are written, with positions."""
        # A row that is refused must be known before the first of the files is there.
        for span, data in [(span, self._file(span)) for span in spans]:
            name = f"{self._topic}-{span.partition:05d}-{span.begin:020d}.parquet"
            if span.begin != self._at.get(span.partition, 0):
                raise Moved(f"{self._folder.url}/{name}: no file ends there")
            try:
                with _explained():
                    self._folder.write(name, data)
            except FileThere:
                raise Moved(f"{self._folder.url}/{name}: another member has written it") from None
            self._at[span.partition] = span.end

    def close(self) -> None:
        """Nothing is held."""

    def _newest(self) -> dict[int, str]:
        """The last file of each partition."""
        found = (self._name.fullmatch(name) for name in self._folder.names())
        return {int(match[1]): match[0] for match in found if match}

    def _end(self, name: str) -> int:
        with self._folder.open(name) as file:
            metadata = pq.read_metadata(file).metadata or {}
        if END not in metadata:
            raise SinkError(f"{self._folder.url}/{name}: its footer has no {END.decode()}")
        return int(metadata[END])

    def _file(self, span: Span) -> bytes:
        table = table_of(self._columns, span.rows)
        schema = schema_of(self._columns).with_metadata({END: str(span.end).encode()})
        file = io.BytesIO()
        pq.write_table(table.cast(schema), file, compression="zstd")
        return file.getvalue()

    def _check(self, name: str, there: Any) -> None:
        require_columns(f"{self._folder.url}/{name}", there, schema_of(self._columns))


@contextmanager
def _explained() -> Iterator[None]:
    """Errors of the file system and of Arrow as those of a store."""
    try:
        yield
    except FilesAway as error:
        raise StoreAway(str(error)) from error
    except FileThere:
        raise
    except FilesError as error:
        raise SinkError(str(error)) from error
    except pa.ArrowException as error:
        raise SchemaMismatch(f"a file cannot be read: {error}") from error
