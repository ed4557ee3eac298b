"""Where each setting of a pipeline was given, for errors that say so."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from app.errors import RiverrunError
from app.pipeline.setting_sources import Settings, is_setting, origin, place
from app.pipeline.toml_lines import Path as Key
from app.secrecy import is_secret, without_login, without_logins

_NO_SECRET = ("events", "key")
_ADDRESSES = {("kafka", "bootstrap.servers"), ("registry", "url")}


class PipelineError(RiverrunError, ValueError):
    """A pipeline file, or a setting above it, that cannot be used: one line that says why."""


@dataclass(frozen=True)
class Places:
    """Where each key of a pipeline was given, and with which value."""

    file: str
    lines: Mapping[Key, int]
    settings: Settings

    def refuse(self, key: Key, what: str, *, known: bool | None = None) -> PipelineError:
        """The error that a given value is wrong.

        Args:
            key: Of the value.
            what: What is wrong with it.
            known: Whether it is known what the key means; None: whether the tables know it. Of
                another one the value is not shown: it may be a mistyped password.
        """
        given = None
        if key in self.settings or key not in self.lines:
            given = origin(self.settings, key)
        known = is_setting(key) if known is None else known
        shown = self.shown(key) if known else ".".join(key)
        return PipelineError(f"{given or self.line(key)}: {shown}: {what}")

    def missing(self, key: Key) -> PipelineError:
        """The error that a key was not given."""
        return PipelineError(f"{self.line(key)}: {'.'.join(key)} is missing")

    def line(self, key: Key) -> str:
        """The place of a key in the file, or else of its table."""
        return place(self.file, self.lines, key)

    def shown(self, key: Key) -> str:
        """The key with its value, unless that is secret, absent or a table."""
        name = ".".join(key)
        if key not in self.settings or (key != _NO_SECRET and is_secret(name)):
            return name
        given = self.settings[key].value
        given = without_login(str(given)) if key in _ADDRESSES else given
        given = without_logins(given) if isinstance(given, str) else given
        value = json.dumps(given, ensure_ascii=False, default=str)
        return f"{name} = {value if len(value) <= 80 else value[:77] + '...'}"
