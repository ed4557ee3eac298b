"""Streams of BigQuery's Storage Write API, which take rows only at their end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import grpc
import pyarrow as pa
from google.api_core.exceptions import GoogleAPICallError, GoogleAPIError, NotFound
from google.auth.exceptions import GoogleAuthError
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient, types
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import (
    BigQueryWriteGrpcTransport,
)

from app.sinks.store import Moved, Refused, SinkError, StoreAway

SECONDS = 30.0
MOST_BYTES = 8_000_000
"""Of the rows of one request, which may have 10 MB."""
_INVALID = grpc.StatusCode.INVALID_ARGUMENT
_MOVED = {
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
}
"""Rows are there already, are missing before these, or the stream is gone or finalized."""
_NEVER = {grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED}
_CODES = {code.value[0]: code for code in grpc.StatusCode}


@dataclass(slots=True)
class Stream:
    """A stream of one partition that is this member's own.

    Attributes:
        name: BigQuery's.
        position: The offset on Kafka that comes next.
        rows: How many it has: the offset, within it, of its next row.
    """

    name: str
    position: int
    rows: int = 0


class Streams:
    """The streams of one table.

    Args:
        shown: The table, in errors.
        parent: The table, as the API names it.
        endpoint: Of an emulator, without a login; None for BigQuery itself.
    """

    def __init__(self, shown: str, parent: str, endpoint: str | None) -> None:
        self._shown, self._parent = shown, parent
        options: Mapping[str, Any] = {}
        if endpoint is not None:
            channel = grpc.insecure_channel(endpoint)
            options = {"transport": BigQueryWriteGrpcTransport(channel=channel)}
        self._client = BigQueryWriteClient(**options)

    def new(self) -> str:
        """Make a stream whose rows are there as soon as they are taken; its name."""
        kind = types.WriteStream(type_=types.WriteStream.Type.COMMITTED)
        with self._explained():
            made = self._client.create_write_stream(
                parent=self._parent, write_stream=kind, timeout=SECONDS
            )
        return str(made.name)

    def end(self, name: str) -> None:
        """Let a stream take no more rows, whoever has it."""
        with self._explained(), suppress(NotFound):  # BigQuery forgets old ones
            self._client.finalize_write_stream(name=name, timeout=SECONDS)

    def append(self, stream: Stream, table: pa.Table) -> None:
        """Append rows at the end of a stream; a large table by several requests.

        Raises:
            Moved: The stream has another end, or has none any more.
            Refused: Some rows are not taken. Nothing of the request was written.
            StoreAway: It is not known what was written.
        """
        for batch in table.to_batches():
            for part in _parts(batch):
                self._append(stream, part)
                stream.rows += part.num_rows

    def close(self) -> None:
        """Close the connection."""
        self._client.transport.close()

    def _append(self, stream: Stream, batch: Any) -> None:
        schema = types.ArrowSchema(serialized_schema=batch.schema.serialize().to_pybytes())
        rows = types.ArrowRecordBatch(serialized_record_batch=batch.serialize().to_pybytes())
        request = types.AppendRowsRequest(
            write_stream=stream.name,
            offset=stream.rows,
            arrow_rows=types.AppendRowsRequest.ArrowData(writer_schema=schema, rows=rows),
        )
        place = (("x-goog-request-params", f"write_stream={stream.name}"),)
        with self._explained():
            answers = self._client.append_rows(
                iter([request]), metadata=place, timeout=SECONDS, retry=None
            )
            for answer in answers:
                self._require(answer)

    def _require(self, answer: Any) -> None:
        if answer.row_errors:
            raise Refused("; ".join(error.message for error in answer.row_errors))
        if answer.error.code:
            raise self._as_ours(_CODES.get(answer.error.code), answer.error.message)

    def _as_ours(self, code: grpc.StatusCode | None, text: str) -> SinkError:
        """What concerns a whole request is waited for, such as a column that is just new."""
        if code in _MOVED or (code is _INVALID and "finalized" in text.lower()):
            return Moved(f"{self._shown}: another member has written: {text}")
        kind = SinkError if code in _NEVER else StoreAway
        return kind(f"{self._shown}: {text}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except GoogleAPICallError as error:
            raise self._as_ours(error.grpc_status_code, str(error.message)) from error
        except GoogleAuthError as error:
            raise SinkError(f"{self._shown}: {error}") from error
        except (GoogleAPIError, grpc.RpcError, OSError) as error:
            raise StoreAway(f"{self._shown}: {error}") from error


def _parts(batch: Any) -> Iterator[Any]:
    """Halves of halves, each small enough for one request."""
    if batch.nbytes <= MOST_BYTES or batch.num_rows == 1:
        yield batch
        return
    middle = batch.num_rows // 2
    yield from _parts(batch.slice(0, middle))
    yield from _parts(batch.slice(middle))
