"""Tables of plain text are aligned."""

from app.tables import table


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert table(("name", "n"), [("a", "1,000"), ("longer", "2")], right=("n",)) == (
        "name        n\na       1,000\nlonger      2"
    )


def test_a_table_without_rows_has_its_header() -> None:
    assert table(("a", "b"), []) == "a  b"
