"""Rows a second of each store: predictions as they are on Kafka, decoded and written in batches.

python -m benchmarks sinks

Parquet, Delta and Iceberg write to a temporary folder. BENCH_POSTGRESQL, BENCH_REDSHIFT,
BENCH_BIGQUERY and BENCH_CASSANDRA may name servers, by the `url` of a sink; their tables are new
and are left there. BENCH_BIGQUERY_OPTIONS and the like are the sink's `options`, as TOML writes
them: `{ api_endpoint = "http://127.0.0.1:9050" }`. A store whose package is missing is left out.
"""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

from app.pipeline.load import load_pipeline
from app.sinks.columns import Row, Rows
from app.sinks.opening import open_store
from app.sinks.store import Span, Store
from topics.codecs import Codec
from topics.records import ModelVersion, Prediction, Reason, Source

ROWS, BATCH = 100_000, 10_000
PACKAGES = {
    "parquet": "pyarrow",
    "delta": "deltalake",
    "iceberg": "pyiceberg",
    "postgresql": "psycopg",
    "redshift": "psycopg",
    "bigquery": "google.cloud.bigquery_storage_v1",
    "cassandra": "cassandra",
}


class _Record:
    """A prediction on Kafka."""

    def __init__(self, offset: int) -> None:
        reasons = (Reason("amount", 0.25), Reason("hour", -0.125))
        said = Prediction(
            *(f"event {offset}", offset % 3 == 0, offset / 7, ModelVersion("fraud", offset)),
            *(Source("events", 0, offset), "pass", 0.5, reasons),
        )
        self._offset, self._value = offset, Codec("json").encode(said)

    def topic(self) -> str:
        return "predictions"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def key(self) -> Any:
        return b"card 17"

    def value(self) -> Any:
        return self._value

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_700_000_000_000

    def headers(self) -> Any:
        return None


def run(bootstrap: str = "", *, quick: bool = False) -> Iterator[dict[str, Any]]:
    """One line for each store that is there."""
    count = BATCH if quick else ROWS
    records = [_Record(offset) for offset in range(count)]
    rows = Rows(Prediction, Codec("json").decoder(Prediction))
    with tempfile.TemporaryDirectory(prefix="riverrun-sinks-") as folder:
        for kind, url in _urls(folder):
            store = _store(folder, kind, url)
            store.prepare(rows.columns)
            store.positions([0])
            yield {"benchmark": "sinks", "store": kind, **_measured(store, rows, records)}
            store.close()


def _urls(folder: str) -> Iterator[tuple[str, str]]:
    """Kind and `url` of each store that is there."""
    urls = {
        "parquet": folder,
        "delta": folder,
        "iceberg": f"sqlite:///{folder}/catalog.db",
    }
    for kind, package in PACKAGES.items():
        url = urls.get(kind) or os.environ.get(f"BENCH_{kind.upper()}")
        if url is not None and _is_there(package):
            yield kind, url


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # not even the package that it is in
        return False


def _store(folder: str, kind: str, url: str) -> Store:
    file = os.path.join(folder, f"{kind}.toml")
    options = os.environ.get(f"BENCH_{kind.upper()}_OPTIONS", "{}")
    if kind == "iceberg":
        options = f'{{ type = "sql", warehouse = "file://{folder}" }}'
    with open(file, "w") as written:
        written.write(
            'name = "bench"\n[events]\ntopic = "e"\n[predictions]\ntopic = "p"\n'
            '[learner]\ntype = "arow"\n'
            f'[sinks.bench]\ntype = "{kind}"\nurl = "{url}"\ntable = "t{uuid.uuid4().hex}"\n'
            f"options = {options}\n"
        )
    return open_store(load_pipeline(file), "bench")


def _measured(store: Store, rows: Rows, records: Sequence[_Record]) -> dict[str, Any]:
    decoding, wall, cpu = 0.0, time.perf_counter(), time.process_time()
    for first in range(0, len(records), BATCH):
        began = time.process_time()
        made: list[Row] = [rows.row(record) for record in records[first : first + BATCH]]
        decoding += time.process_time() - began
        store.write([Span(0, first, first + len(made), made)])
    seconds, used = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "rows": len(records),
        "batch": BATCH,
        "rows_a_second": round(len(records) / seconds),
        "cpu_us_a_row": round(1e6 * used / len(records), 1),
        "of_it_decoding": round(decoding / used, 2),
    }
