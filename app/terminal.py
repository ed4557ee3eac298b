"""Texts of users, and of whoever writes to a topic, as a terminal may have them."""

import io
import sys

REPLACED = "\ufffd"
LONGEST = 60


def visible(text: str, longest: int | None = LONGEST) -> str:
    r"""One line of text that moves no cursor and is not too long.

    Args:
        text: Perhaps with control characters, which could steer the terminal of its reader.
        longest: Characters; None: all.

    >>> visible("\x1b[31mred\n\rX") == "\ufffd[31mred\ufffd\ufffdX"
    True
    >>> visible("x" * 5000, 10)
    'xxxxxxxxx…'
    """
    shown = "".join(char if char.isprintable() else REPLACED for char in text)
    return shown if longest is None or len(shown) <= longest else f"{shown[: longest - 1]}…"


def replace_what_cannot_be_shown() -> None:
    """Let the output escape what its encoding does not have, rather than fail half-way."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
