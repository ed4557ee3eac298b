"""A table of BigQuery, by the Storage Write API.

A member writes each of its partitions by a stream of its own, and `riverrun_streams` says which
stream that is. Who takes a partition over

1. ends the stream that it has seen there, which takes no rows from then on,
2. puts a new stream in its place: of two who do so one wins,
3. reads where the rows end. That is the position: a late request of the old stream was in before
   1., or is refused.

So all streams of a partition but the newest are ended, whoever was killed in between. A stream
takes rows only at its end: a request that comes twice is refused.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import BadRequest, Forbidden, GoogleAPIError, NotFound
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY

from app.sinks.arrow import table_of
from app.sinks.columns import OFFSET, PARTITION, Column, Kind
from app.sinks.store import Moved, SinkError, Span, StoreAway, missing_columns
from app.sinks.stores.bigquery_owners import Owned, Owners
from app.sinks.stores.bigquery_streams import SECONDS, Stream, Streams

_TYPES: dict[Kind, tuple[str, ...]] = {
    "bool": ("BOOLEAN", "BOOL"),
    "int": ("INTEGER", "INT64"),
    "float": ("FLOAT", "FLOAT64"),
    "text": ("STRING",),
    "json": ("STRING",),
    "time": ("TIMESTAMP",),
}
"""What a column may be: the name of the API, which is what is made, and that of SQL."""
RETRY = DEFAULT_RETRY.with_timeout(SECONDS)
TRIES = 5
_CONFLICT = ("could not serialize access", "concurrent update", "conflict")
"""Two members put streams at the same time."""


class BigQueryStore:
    """See `app.sinks.store.Store`. Where a batch ends with records that were set aside, the
    position is that of its last row.

    Args:
        url: `bigquery://project/dataset`. The dataset must be there.
        table: The table in it, of this sink alone.
        identity: Of the sink, in `riverrun_streams`.
        options: `api_endpoint` (HTTP) and `write_endpoint` (gRPC) of an emulator, without login.
    """

    def __init__(self, url: str, table: str, identity: str, options: Mapping[str, Any]) -> None:
        parts = urlsplit(url)
        self._project, dataset = parts.netloc, parts.path.strip("/")
        self._name = f"{self._project}.{dataset}.{table}"
        self._parent = f"projects/{self._project}/datasets/{dataset}/tables/{table}"
        self._options = options
        self._owners = Owners(self._query, f"{self._project}.{dataset}", table, identity)
        self._columns: Sequence[Column] = ()
        self._seen: dict[int, Owned] = {}
        self._own: dict[int, Stream] = {}
        self._client: Any = None
        self._streams: Streams | None = None

    def prepare(self, columns: Sequence[Column]) -> None:
        self.close()
        self._columns = columns
        with self._explained():
            self._client = bigquery.Client(project=self._project, **self._login())
            endpoint = self._options.get("write_endpoint")
            self._streams = Streams(self._name, self._parent, endpoint and str(endpoint))
            table = bigquery.Table(self._name, [_field(column) for column in columns])
            table.clustering_fields = [PARTITION, OFFSET]  # where rows end is asked for
            made = self._client.create_table(table, exists_ok=True, retry=RETRY, timeout=SECONDS)
            self._add_columns(made)
            self._owners.make()

    def positions(self, partitions: Sequence[int]) -> Mapping[int, int]:
        with self._explained():
            known, ends = self._owners.known(), self._ends()
        self._seen = {number: known.get(number, Owned()) for number in partitions}
        self._own = {}
        return {n: max(seen.position, ends.get(n, 0)) for n, seen in self._seen.items()}

    def write(self, spans: Sequence[Span]) -> None:
        """Append the rows of each span: those before one that fails are in, with positions."""
        # A row that Arrow refuses must be known before the first of the rows is there.
        made = [(span, table_of(self._columns, span.rows)) for span in spans]
        self._take([span.partition for span in spans if span.partition not in self._own])
        for span, table in made:
            stream = self._own[span.partition]
            if stream.position != span.begin:
                self._lost(span.partition, f"is at {stream.position}, not at {span.begin}")
            self._append(span, stream, table)
            stream.position = span.end

    def close(self) -> None:
        if self._streams is not None:
            self._streams.close()
            self._client.close()
            self._client = self._streams = None

    def _append(self, span: Span, stream: Stream, table: Any) -> None:
        assert self._streams is not None, "prepare first"
        if not span.rows:
            self._move(span, stream)
            return
        self._streams.append(stream, table)

    def _take(self, numbers: Sequence[int]) -> None:
        """Make streams for partitions that were seen, see the steps above."""
        if not numbers:
            return
        assert self._streams is not None, "prepare first"
        # 1.
        for stream in filter(None, (self._seen[number].stream for number in numbers)):
            self._streams.end(stream)
        # 2.
        new = {number: self._streams.new() for number in numbers}
        self._put(new)
        with self._explained():
            known = self._owners.known()
        for number, name in new.items():
            if known.get(number, Owned()).stream != name:
                self._lost(number, "has another stream")
        # 3.
        with self._explained():
            ends = self._ends()
        for number, name in new.items():
            self._own[number] = Stream(name, max(known[number].position, ends.get(number, 0)))

    def _put(self, new: Mapping[int, str]) -> None:
        """Members of other partitions do so too; what is in conflict has changed nothing."""
        for left in reversed(range(TRIES)):
            try:
                self._owners.put(new, self._seen)
                return
            except GoogleAPIError as error:
                if left and any(words in str(error).lower() for words in _CONFLICT):
                    time.sleep(random.uniform(0.1, 0.5))
                    continue
                with self._explained():
                    raise

    def _move(self, span: Span, stream: Stream) -> None:
        """Without rows the position is moved in the table of the streams."""
        wanted = Owned(stream.name, span.end)
        with self._explained():
            self._owners.move(span.partition, wanted)
            known = self._owners.known()
        if known.get(span.partition) != wanted:
            self._lost(span.partition, "has another stream")

    def _ends(self) -> dict[int, int]:
        """The offset after the last row, by partition."""
        asked = (
            f"SELECT {PARTITION}, MAX({OFFSET}) + 1 FROM `{self._name}`"  # nosec B608
            f" GROUP BY {PARTITION}"
        )
        return {row[0]: row[1] for row in self._query(asked)}

    def _query(self, text: str, **values: Any) -> list[Any]:
        kinds = {str: "STRING", int: "INT64"}
        given = [
            bigquery.ScalarQueryParameter(name, kinds[type(value)], value)
            for name, value in values.items()
        ]
        config = bigquery.QueryJobConfig(query_parameters=given, use_query_cache=False)
        # Asked twice under one name, a statement still runs once.
        job = self._client.query(
            *(text, config, f"riverrun-{uuid.uuid4().hex}"), retry=RETRY, job_retry=None
        )
        return list(job.result(timeout=SECONDS, retry=RETRY, job_retry=None))

    def _add_columns(self, table: Any) -> None:
        there = {field.name: field.field_type for field in table.schema}
        for column in missing_columns(self._name, there, self._columns, _TYPES):
            added = f"ADD COLUMN IF NOT EXISTS `{column.name}` {_TYPES[column.kind][-1]}"
            self._query(f"ALTER TABLE `{self._name}` {added}")

    def _login(self) -> dict[str, Any]:
        if "api_endpoint" not in self._options:
            return {}
        endpoint = ClientOptions(api_endpoint=str(self._options["api_endpoint"]))
        return {"credentials": AnonymousCredentials(), "client_options": endpoint}

    def _lost(self, partition: int, what: str) -> None:
        self._own.pop(partition, None)
        raise Moved(f"{self._name}: another member has written: partition {partition} {what}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except SinkError:
            raise
        except (Forbidden, NotFound, BadRequest, GoogleAuthError) as error:
            raise SinkError(f"{self._name}: {error}") from error
        except (GoogleAPIError, OSError) as error:
            raise StoreAway(f"{self._name}: {error}") from error


def _field(column: Column) -> Any:
    return bigquery.SchemaField(column.name, _TYPES[column.kind][0])
