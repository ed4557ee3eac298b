"""Reading a pipeline: a TOML file, the environment above it, the command line above both.

Whatever is wrong is refused in one line that names the key, the value and the place where it
was given: the line of the file, the variable of the environment, or the option.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from app.pipeline.checks import check
from app.pipeline.cross_checks import faults
from app.pipeline.explain import explain
from app.pipeline.key_locations import PipelineError, Places
from app.pipeline.model import Pipeline
from app.pipeline.setting_sources import above, from_environment, from_file, from_options, nested
from app.pipeline.sink_checks import check_sinks
from app.pipeline.toml_lines import key_lines

_VARIABLES = ("RIVERRUN_SNAPSHOT_KEY", "RIVERRUN_KAFKA_HOME")
"""Of ours, beside those of settings."""

__all__ = ["Pipeline", "PipelineError", "load_pipeline"]


def load_pipeline(
    path: str | os.PathLike[str],
    overrides: Mapping[str, str] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Pipeline:
    """Read the pipeline of the file at `path`.

    Args:
        path: Of a TOML file in UTF-8.
        overrides: Settings of the command line: dotted key to text. They win over all.
        environ: Variables such as RIVERRUN_EVENTS__TOPIC. They win over the file.

    Raises:
        PipelineError: Naming the key, the value, the place and what is allowed.
    """
    file = os.fspath(path)
    text = _read(file)
    lines = key_lines(text)
    settings = from_file(_parse(file, text), lines, file)
    _refuse_mistyped(environ)
    settings = above(from_environment(environ, list(settings)), settings)
    settings = above(from_options(overrides or {}), settings)
    where = Places(file, lines, settings)
    try:
        pipeline = Pipeline.model_validate(nested(settings))
    except ValidationError as errors:
        key, what = explain(errors.errors(include_url=False))
        raise where.refuse(key, what) if what else where.missing(key) from None
    for key, what in faults(pipeline):
        raise where.refuse(key, what)
    check(pipeline, where)
    check_sinks(pipeline, where)
    return pipeline


def _refuse_mistyped(environ: Mapping[str, str]) -> None:
    """A key of snapshots under a mistyped name would sign nothing, in silence."""
    for variable in sorted(environ):
        near = difflib.get_close_matches(variable.upper(), _VARIABLES, n=1, cutoff=0.85)
        if near and variable not in _VARIABLES and "__" not in variable:
            raise PipelineError(f'{variable}: unknown variable, did you mean "{near[0]}"?')


def _read(file: str) -> str:
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise PipelineError(f"{file}: cannot be read: {error.strerror}") from None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PipelineError(f"{file}:{line}: is not UTF-8: {error.reason}") from None


def _parse(file: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, _, where = str(error).partition(" (at ")
        at = re.match(r"line (\d+), column (\d+)", where)
        line = int(at[1]) if at else text.count("\n") + 1
        if at and what == "Invalid value" and _at(text, at).isalpha():
            what = "a text needs quotes, and what is no text is a number, true or false"
        raise PipelineError(f"{file}:{line}: is not valid TOML: {what}") from None


def _at(text: str, at: re.Match[str]) -> str:
    """The character at a line and a column, both from 1; empty at the end of the line."""
    line, column = int(at[1]), int(at[2])
    return text.split("\n")[line - 1][column - 1 : column]
