"""Tables of plain text."""

from collections.abc import Sequence

from app.terminal import visible


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> str:
    """Lines of aligned columns; those that `right` names are flush right.

    Cells may hold names of users: they are made visible, and cut where they are too long.
    """
    lines = [[visible(cell) for cell in line] for line in (header, *rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    flush = [str.rjust if name in right else str.ljust for name in header]
    return "\n".join(
        "  ".join(
            align(cell, width) for align, cell, width in zip(flush, line, widths, strict=True)
        ).rstrip()
        for line in lines
    )
