"""Where each setting of a pipeline was given, for errors that say so."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.errors import RiverrunError
from app.pipeline.layers import Settings, origin, place
from app.pipeline.toml_lines import Path as Key

_SECRET = re.compile(r"password|secret|token|key", re.IGNORECASE)
_NO_SECRET = ("events", "key")


class PipelineError(RiverrunError, ValueError):
    """A pipeline file, or a setting above it, that cannot be used: one line that says why."""


@dataclass(frozen=True)
class Places:
    """Where each key of a pipeline was given, and with which value."""

    file: str
    lines: Mapping[Key, int]
    settings: Settings

    def refuse(self, key: Key, what: str) -> PipelineError:
        """The error that a given value is wrong."""
        given = None
        if key in self.settings or key not in self.lines:
            given = origin(self.settings, key)
        return PipelineError(f"{given or self.line(key)}: {self.shown(key)}: {what}")

    def missing(self, key: Key) -> PipelineError:
        """The error that a key was not given."""
        return PipelineError(f"{self.line(key)}: {'.'.join(key)} is missing")

    def line(self, key: Key) -> str:
        """The place of a key in the file, or else of its table."""
        return place(self.file, self.lines, key)

    def shown(self, key: Key) -> str:
        """The key with its value, unless that is secret, absent or a table."""
        name = ".".join(key)
        if key not in self.settings or (key != _NO_SECRET and _SECRET.search(name)):
            return name
        value = json.dumps(self.settings[key].value, ensure_ascii=False, default=str)
        return f"{name} = {value if len(value) <= 80 else value[:77] + '...'}"
