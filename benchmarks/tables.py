"""Markdown tables of the rows that the benchmarks print.

python -m benchmarks family | python -m benchmarks.tables
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

Row = Mapping[str, Any]

TITLES = {"family": ("data", "task", "events")}
"""What the rows of one table of a benchmark have in common: it stands above the table."""


def tables(rows: Iterable[Row]) -> str:
    """A table for each benchmark and title, in the order of the rows."""
    return "\n\n".join(
        "\n\n".join(filter(None, [title, table(list(group))]))
        for title, group in groupby(rows, _title)
    )


def table(rows: Sequence[Row]) -> str:
    """One table; a column for every key that a row has and no title names."""
    above = {"benchmark", *TITLES.get(rows[0]["benchmark"], ())}
    keys = [key for key in dict.fromkeys(k for row in rows for k in row) if key not in above]
    numeric = [any(isinstance(row.get(key), (int, float)) for row in rows) for key in keys]
    lines = [
        [key.replace("_", " ") for key in keys],
        ["---:" if number else "---" for number in numeric],
        *([_cell(row.get(key)) for key in keys] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _title(row: Row) -> str:
    said = [row[key] for key in TITLES.get(row["benchmark"], ()) if key in row]
    return ", ".join(f"{part:,} events" if isinstance(part, int) else str(part) for part in said)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {_plain(inner)}" for key, inner in value.items()) or "–"
    return f"{value:,}" if isinstance(value, (int, float)) else str(value)


def _plain(value: Any) -> str:
    """A nested learner, loss or optimizer as in Python: SGD(lr = 0.005)."""
    if not isinstance(value, Mapping):
        return str(value)
    name = str(value["type"]).rsplit(".", 1)[-1]
    inside = ", ".join(f"{key} = {_plain(v)}" for key, v in value.items() if key != "type")
    return f"{name}({inside})" if inside else name


if __name__ == "__main__":
    print(tables(json.loads(line) for line in sys.stdin))
