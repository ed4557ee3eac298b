"""Texts that others wrote do not steer a terminal, nor end a command half-way."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.commands.dead_letters import as_line, as_text
from app.commands.inspect import as_table, weights_of
from app.dead_letters import Letter
from app.inspection import PartitionReport
from app.logs import FORMAT, OneLine
from learners.weights import Weight, Weights
from tests.app.support import record
from topics.dead_letters import DeadLetterReason

ROOT = Path(__file__).parents[2]
EVIL = "\x1b[31mred\n\rX\x9b2J\u202e"
LONG = "n" * 5_000


def report(name: str) -> PartitionReport:
    weights = (Weights(name, [Weight(name, 1.0)]),)
    return PartitionReport(0, 1, 1, 0, name, 1, "f", 1, 1, problem=name, weights=weights)


def is_plain(text: str, lines: int) -> bool:
    return len(text.splitlines()) == lines and all(line.isprintable() for line in text.splitlines())


def test_names_of_fields_are_visible_in_the_tables_of_inspect() -> None:
    assert is_plain(weights_of([report(EVIL)], 5), 4)
    assert is_plain(as_table([report(EVIL)]), 3)


def test_a_long_name_leaves_a_table_that_can_be_read() -> None:
    assert max(map(len, weights_of([report(LONG)], 5).splitlines())) < 150


def test_a_dead_letter_is_one_plain_line() -> None:
    why = DeadLetterReason("t", 0, 1, EVIL, EVIL, EVIL)
    letter = Letter(record(1, {"id": EVIL}), why)
    assert is_plain(as_text(letter), 1)
    assert is_plain(as_line(letter), 1)


def test_a_line_of_the_log_is_one_plain_line() -> None:
    line = logging.LogRecord("riverrun", logging.WARNING, "", 0, "%s", (EVIL,), None)
    assert is_plain(OneLine(FORMAT).format(line), 1)


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252", "utf-8"])
def test_what_an_encoding_does_not_have_is_replaced(encoding: str) -> None:
    script = (
        "import click; from app.cli import cli, main;"
        "cli.command('say')(lambda: click.echo('温度 ok')); main(['say'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT)},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(b" ok\n")
