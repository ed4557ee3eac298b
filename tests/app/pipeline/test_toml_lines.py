"""The scanner finds the line of each key, whatever TOML's values look like."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from app.pipeline.toml_lines import Path, key_lines, line_of

TEXT = '''\
# a comment = "with a key"
name = "x"   # [not.a.table]

[events]
topic = "a # b"
"quoted key" = 1
'literal.key' = 2
a . b = 3
features = [
  "one = 1",  # [events2]
  ["two"],
]
text = """
inner = 4
[inner.table]
\\""" still = 1
"""
literal = \'\'\'
more = 5\'\'\'
inline = { c = 1, d = [1,
  2] }

[ kafka . "x.y" ]
z = 1
[[learner.steps]]
type = "first"
[[learner.steps]]
kind = "second"
'''


def test_each_key_has_its_line() -> None:
    assert key_lines(TEXT) == {
        ("name",): 2,
        ("events",): 4,
        ("events", "topic"): 5,
        ("events", "quoted key"): 6,
        ("events", "literal.key"): 7,
        ("events", "a"): 8,
        ("events", "a", "b"): 8,
        ("events", "features"): 9,
        ("events", "text"): 13,
        ("events", "literal"): 18,
        ("events", "inline"): 20,
        ("kafka",): 23,
        ("kafka", "x.y"): 23,
        ("kafka", "x.y", "z"): 24,
        ("learner",): 25,
        ("learner", "steps"): 25,
        ("learner", "steps[0]"): 25,
        ("learner", "steps[0]", "type"): 26,
        ("learner", "steps[1]"): 27,
        ("learner", "steps[1]", "kind"): 28,
    }


def test_every_key_that_tomllib_reads_has_a_line() -> None:
    def paths(table: dict[str, Any], path: Path = ()) -> Iterator[Path]:
        for name, value in table.items():
            yield (*path, name)
            if isinstance(value, dict) and name != "inline":
                yield from paths(value, (*path, name))

    assert set(paths(tomllib.loads(TEXT))) <= set(key_lines(TEXT))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_line_counts_with_either_newline(newline: str) -> None:
    assert key_lines(f"{newline}a = 1{newline}b = 2") == {("a",): 2, ("b",): 3}


def test_a_key_without_a_line_has_that_of_its_table() -> None:
    lines = key_lines(TEXT)
    assert line_of(lines, ("events", "inline", "c")) == 20
    assert line_of(lines, ("events", "id")) == 4
    assert line_of(lines, ("worker", "name")) is None


def test_an_empty_text_has_no_keys() -> None:
    assert key_lines("") == {}
