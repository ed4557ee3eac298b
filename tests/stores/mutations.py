"""Sinks without one of their fences must turn a test of their store red.

python -m tests.stores.mutations --list

Each mutation is a small change of the source, made in a copy of the checkout; `part` is the test
that must become red.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from tests.chaos.mutations import ROOT, Mutation, copied, mutate

SECONDS = 900.0
STORES = "app/sinks/stores"
LAKE = "tests/stores/test_lakes.py::test_kills_lose_and_double_nothing_on"
BETWEEN = (
    "tests/app/sinks/test_stores.py::"
    "test_who_writes_between_the_look_at_the_positions_and_the_commit_wins"
)
ONE = "tests/app/sinks/test_stores.py::test_rows_and_positions_are_one_commit"
SERVER = "test_kills_of_the_sink_and_of_the_server_lose_and_double_nothing"
PARQUET_FENCE = (
    (
        "            if span.begin != self._at.get(span.partition, 0):\n"
        '                raise Moved(f"{self._folder.url}/{name}: no file ends there")\n',
        "",
    ),
    ("self._folder.write(name, data)", "self._folder.write(name, data, replace=True)"),
)
DELTA_OR_ICEBERG_FENCE = (("                self._require(table, spans)\n", ""),)

MUTATIONS = (
    *(
        Mutation(
            f"parquet-{where}",
            "a file that is there is replaced by one of a member that comes late",
            f"{LAKE}_{test}",
            f"{STORES}/parquet.py",
            PARQUET_FENCE,
        )
        for where, test in (("disk", "a_disk[Parquet]"), ("s3", "s3"), ("hdfs", "hdfs"))
    ),
    *(
        Mutation(
            name.lower(),
            "a member that comes late appends, wherever the position is",
            f"{LAKE}_a_disk[{name}]",
            f"{STORES}/{name.lower()}.py",
            DELTA_OR_ICEBERG_FENCE,
        )
        for name in ("Delta", "Iceberg")
    ),
    Mutation(
        "parquet-whole",
        "a file is written under its name, so that a part of it can be seen",
        "tests/stores/test_bad_input.py::test_a_full_disk_is_a_store_that_is_away[Parquet]",
        "app/files/local.py",
        (
            (
                "with written_aside(path, draft, replace=replace) as file:",
                'with path.open("wb" if replace else "xb") as file:',
            ),
        ),
    ),
    Mutation(
        "delta-two",
        "positions are a commit of their own, after that of the rows",
        f"{ONE}[Delta]",
        f"{STORES}/delta.py",
        (
            (
                'write_deltalake(table, rows, mode="append", commit_properties=properties)',
                'write_deltalake(table, rows, mode="append")\n'
                "                    write_deltalake(self._table(), rows.slice(0, 0), "
                'mode="append", commit_properties=properties)',
            ),
        ),
    ),
    Mutation(
        "iceberg-two",
        "positions are a commit of their own, after that of the rows",
        f"{ONE}[Iceberg]",
        f"{STORES}/iceberg.py",
        (
            (
                "                        transaction.set_properties(moves)\n",
                "                    with self._table().transaction() as transaction:\n"
                "                        transaction.set_properties(moves)\n",
            ),
        ),
    ),
    Mutation(
        "postgresql-two",
        "positions are a transaction of their own, before that of the rows",
        "tests/stores/test_postgresql.py::"
        "test_rows_that_the_store_refuses_are_set_aside_and_the_others_are_in",
        f"{STORES}/postgresql.py",
        (
            (
                "            # 2. under the lock of the positions\n"
                "            self._copy(rows_in(spans))\n",
                "        with self._explained(), self._open.transaction():\n"
                "            self._copy(rows_in(spans))\n",
            ),
        ),
    ),
    Mutation(
        "iceberg-rebase",
        "PyIceberg appends a commit that lost a race once more",
        f"{BETWEEN}[Iceberg]",
        f"{STORES}/iceberg.py",
        (("                _never_rebase(table)\n", ""),),
    ),
    Mutation(
        "delta-transaction",
        "the log of a Delta table does not compare the positions of two commits at once",
        f"{BETWEEN}[Delta]",
        f"{STORES}/delta.py",
        (
            (
                "write_deltalake(table, rows, mode=",
                "write_deltalake(self._url, rows, mode=",
            ),
        ),
    ),
    Mutation(
        "postgresql",
        "a member that comes late moves the position from wherever it is",
        f"tests/stores/test_postgresql.py::{SERVER}",
        f"{STORES}/postgresql.py",
        (
            (' AND position = %s"', '"'),
            ("span.partition, span.begin),", "span.partition),"),
        ),
    ),
    Mutation(
        "redshift",
        "a member that comes late moves the position, and its rows are inserted, not merged",
        f"tests/stores/test_redshift.py::{SERVER}",
        f"{STORES}/redshift.py",
        (
            ("        if known != span.begin:\n", "        if False:\n"),
            (
                "        self._open.execute(self._merging)\n",
                '        moved = sql.SQL("INSERT INTO {} SELECT * FROM {}")\n'
                "        self._open.execute(moved.format(self._table, STAGE))\n",
            ),
        ),
    ),
    Mutation(
        "bigquery-end",
        "the stream of the member before is not ended",
        "tests/stores/test_bigquery.py::"
        "test_a_store_keeps_the_contract[check_who_has_written_before_is_fenced_too]",
        f"{STORES}/bigquery.py",
        (("            self._streams.end(stream)\n", "            pass\n"),),
    ),
    Mutation(
        "bigquery-offset",
        "rows are appended wherever the end of the stream is",
        "tests/stores/test_bigquery.py::test_an_answer_that_was_lost_is_made_good_from_the_rows",
        f"{STORES}/bigquery_streams.py",
        (("            offset=stream.rows,\n", ""),),
    ),
    Mutation(
        "cassandra-order",
        "positions are written before their rows",
        "tests/stores/test_cassandra.py::"
        "test_kills_of_the_sink_and_of_the_node_lose_and_double_nothing",
        f"{STORES}/cassandra.py",
        (
            (
                "            execute_concurrent_with_args("
                "self._session, self._insert, rows, CONCURRENCY)\n",
                "",
            ),
            (
                '                self._session.execute(f"{moved} {where}", values)\n',
                '                self._session.execute(f"{moved} {where}", values)\n'
                "            execute_concurrent_with_args("
                "self._session, self._insert, rows, CONCURRENCY)\n",
            ),
        ),
    ),
    Mutation(
        "cassandra-timestamp",
        "a position has the time of the client's clock, so an older one wins",
        "tests/stores/test_cassandra.py::test_an_older_position_never_wins",
        f"{STORES}/cassandra.py",
        (
            (" USING TIMESTAMP %s SET position", " SET position"),
            ("(span.end, span.end, self._identity", "(span.end, self._identity"),
        ),
    ),
)

SHORTER = Mutation(
    "shorter",
    "a fence that is missing shows soon",
    "",
    "tests/kafka/sinks.py",
    (("COUNT, KILLS = 20_000, 5\n", "COUNT, KILLS = 6_000, 5\n"),),
)


def is_red(mutation: Mutation) -> tuple[bool, str]:
    """Whether the test fails with a mutation, and what it says."""
    with tempfile.TemporaryDirectory(prefix="riverrun-mutation-") as folder:
        root = copied(Path(folder))
        shutil.copy2(ROOT / "pyproject.toml", root)
        mutate(SHORTER, root)
        mutate(mutation, root)
        command = [sys.executable, "-m", "pytest", "-q", "-x", mutation.part]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=SECONDS)
        said = [line for line in done.stdout.splitlines() if line.startswith(("E  ", "SKIPPED"))]
        return done.returncode == 1, said[0][:200] if said else done.stdout[-200:].strip()


@click.command()
@click.option("--only", help="Names of mutations, with commas.")
@click.option("--list", "listed", is_flag=True, help="Say which there are.")
def main(only: str | None, listed: bool) -> None:
    """Take out one fence after another; each must turn a test red."""
    missed = []
    for mutation in MUTATIONS:
        if only is not None and mutation.name not in only.split(","):
            continue
        click.echo(f"{mutation.name} ({mutation.part}): {mutation.about}")
        if listed:
            continue
        red, said = is_red(mutation)
        click.echo(f"  {'red, as it must be' if red else 'NOT RED'}: {said}")
        if not red:
            missed.append(mutation.name)
    if missed:
        raise SystemExit(f"proved nothing: {', '.join(missed)}")


if __name__ == "__main__":
    main()
