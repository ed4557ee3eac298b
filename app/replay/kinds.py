"""Of which kind the values of each field are, and what becomes of texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.replay.texts import Texts

SHOWN = 40
"""Characters of a text that is shown."""


@dataclass
class Kinds:
    """How often each field was a number, how often a text, and its first text with the place."""

    texts_of: Texts
    numbers: Counter[str] = field(default_factory=Counter)
    texts: Counter[str] = field(default_factory=Counter)
    first_text: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, where: str, fields: Mapping[str, Any]) -> None:
        """Count the fields of one row."""
        for name, value in fields.items():
            if type(value) is str:
                self.texts[name] += 1
                if name not in self.first_text:
                    self.first_text[name] = where, value
            elif type(value) is float or type(value) is int:
                self.numbers[name] += 1

    def remarks(self) -> Iterator[str]:
        """A line for each field that is a text where a number is needed, or both."""
        for name in self.texts:
            why = self.texts_of.rejected(name)
            both = name in self.numbers
            if why is not None:
                yield f"{self._found(name)}: each such row becomes a dead letter, {why}"
            elif both and (follows := self.texts_of.beside_numbers(name)) is not None:
                yield f"{self._found(name)}: {follows}"
        yield from self.texts_of.unused(self.texts.keys() - self.numbers.keys())

    def _found(self, name: str) -> str:
        where, text = self.first_text[name]
        count, numbers = self.texts[name], self.numbers[name]
        rows = "1 row" if count == 1 else f"{count:,} rows"
        number = f" and a number in {numbers:,}" if numbers else ""
        return f'{where}: "{name}" is the text {text[:SHOWN]!r}; it is a text in {rows}{number}'
