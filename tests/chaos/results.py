"""The results of parts: JSON lines, and the table that docs/reliability.md shows of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_name("results.jsonl")
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


@dataclass(frozen=True)
class Row:
    """What came of one fault.

    Attributes:
        part: Of the suite.
        fault: In words.
        runs: How often it struck.
        events: Records that were sent meanwhile.
        gap: The longest time without a prediction in a partition, in seconds.
        result: "as the reference", or what is wrong.
        seed: Repeats the choices.
        day: When it ran.
    """

    part: str
    fault: str
    runs: int
    events: int
    gap: float
    result: str
    seed: int
    day: str


def keep(rows: Iterable[Row], file: Path = FILE) -> None:
    """Put rows in the place of those of the same parts and faults."""
    known = {(row.part, row.fault): row for row in read(file)}
    known |= {(row.part, row.fault): row for row in rows}
    file.write_text("".join(json.dumps(asdict(row)) + "\n" for row in known.values()))


def read(file: Path = FILE) -> list[Row]:
    """All rows that were kept."""
    lines = file.read_text().splitlines() if file.exists() else []
    return [Row(**json.loads(line)) for line in lines]


def table(rows: Iterable[Row]) -> str:
    """The rows in Markdown."""
    head = "| part | fault | runs | events | longest gap | result |\n|---|---|--:|--:|--:|---|\n"
    return head + "".join(
        f"| `{row.part}` | {row.fault} | {row.runs:,} | {row.events:,} | {row.gap:.1f} s"
        f" | {row.result} |\n"
        for row in rows
    )


def show(page: Path = PAGE, file: Path = FILE) -> None:
    """Write the table between the markers of the page."""
    text = page.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n\n{table(read(file))}\n{END}{after}")
