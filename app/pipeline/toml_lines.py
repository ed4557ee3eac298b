"""The line on which each key of a TOML text stands: `tomllib` reads the values, not the places."""

import re
from collections import Counter
from collections.abc import Mapping

Path = tuple[str, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_KEY_PART = re.compile(r"""[ \t]*(?:"((?:\\.|[^"\\\n])*)"|'([^'\n]*)'|([A-Za-z0-9_-]+))[ \t]*""")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|' + r"'''.*?'{3,5}|" + r'"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'",
    re.DOTALL,
)


def key_lines(text: str) -> dict[Path, int]:
    """Map the path of every table and key of a valid TOML text to its line, counted from 1.

    The third `[[a.b]]` is the path ("a", "b[2]"); ("a", "b") keeps the line of the first. Keys
    within an inline table are not listed: they stand on the line of the table, see `line_of`.
    """
    lines: dict[Path, int] = {}
    table: Path = ()
    seen: Counter[Path] = Counter()
    at = _skip_blank(text, 0)
    while at < len(text):
        line = text.count("\n", 0, at) + 1
        if text[at] == "[":
            brackets = 2 if text.startswith("[[", at) else 1
            table, at = _key(text, at + brackets)
            at += brackets
            if brackets == 2:
                lines.setdefault(table, line)
                seen[table] += 1
                table = (*table[:-1], f"{table[-1]}[{seen[table] - 1}]")
            path = table
        else:
            key, at = _key(text, at)
            path = table + key
            at = _skip_value(text, at + 1)
        for depth in range(1, len(path) + 1):
            lines.setdefault(path[:depth], line)
        at = _skip_blank(text, at)
    return lines


def line_of(lines: Mapping[Path, int], path: Path) -> int | None:
    """The line of `path`, or of the nearest table around it; None where there is neither."""
    for depth in range(len(path), 0, -1):
        *table, last = path[:depth]
        for name in (last, last.partition("[")[0]):
            if (*table, name) in lines:
                return lines[(*table, name)]
    return None


def _skip_blank(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _key(text: str, at: int) -> tuple[Path, int]:
    """Read a dotted key; returns its parts and the place of what follows it (`=` or `]`)."""
    parts: list[str] = []
    while match := _KEY_PART.match(text, at):
        parts.append(next(group for group in match.groups() if group is not None))
        at = match.end()
        if not text.startswith(".", at):
            break
        at += 1
    return tuple(parts), at


def _skip_value(text: str, at: int) -> int:
    """The place where the value that starts at `at` ends: a line's end outside all brackets."""
    depth = 0
    while at < len(text):
        char = text[at]
        if char in "\"'":
            match = _STRING.match(text, at)
            at = match.end() if match else at + 1
            continue
        if char == "#":
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
            continue
        if char == "\n" and depth == 0:
            return at
        depth += (char in "[{") - (char in "]}")
        at += 1
    return at
