"""The page of results is made by the command, of results that were kept."""

from pathlib import Path

from tests.chaos.mutations import MUTATIONS
from tests.chaos.parts import all_parts
from tests.chaos.results import BEGIN, END, FILE, PAGE, Row, keep, read, show, table

ROW = Row("kills", "kill -9", 3, 1_200, 2.5, "as the reference", 7, "2026-01-02")


def test_a_later_result_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    later = Row("kills", "kill -9", 30, 90_000, 4.0, "as the reference", 8, "2026-01-03")
    other = Row("storm", "kill -9", 1, 1, 1.0, "as the reference", 8, "2026-01-03")
    keep([ROW, other], file)
    keep([later], file)
    assert read(file) == [later, other]


def test_the_table_is_written_between_the_markers(tmp_path: Path) -> None:
    page, file = tmp_path / "page.md", tmp_path / "results.jsonl"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    keep([ROW], file)
    show(page, file)
    text = page.read_text()
    assert "| `kills` | kill -9 | 3 | 1,200 | 2.5 s | as the reference |" in text
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text


def test_the_page_shows_the_kept_results_and_all_mutations() -> None:
    text = PAGE.read_text()
    shown = text.split(BEGIN)[1].split(END)[0].strip()
    assert shown == (table(read(FILE)).strip() if read(FILE) else "")
    assert {row.part for row in read(FILE)} <= set(all_parts())
    for mutation in MUTATIONS:
        assert f"| `{mutation.name}` |" in text
        assert f"`{mutation.part}` |" in text
