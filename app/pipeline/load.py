"""Reading a pipeline: a TOML file, the environment above it, the command line above both.

Whatever is wrong is refused in one line that names the key, the value and the place where it
was given: the line of the file, the variable of the environment, or the option.
"""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from app.errors import KafkaSettingError, RiverrunError
from app.pipeline.layers import (
    Settings,
    above,
    from_environment,
    from_file,
    from_options,
    nested,
    origin,
    place,
)
from app.pipeline.model import Pipeline
from app.pipeline.toml_lines import Path as Key
from app.pipeline.toml_lines import key_lines
from learners.errors import DriftError, ForbiddenClass, LearnerError, SnapshotError, StepError

if TYPE_CHECKING:
    from learners.model import Model

__all__ = ["Pipeline", "PipelineError", "load_pipeline"]

_EXPECTED = {
    "string_type": "must be a text in quotes",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "tuple_type": 'must be a list of texts, such as ["a", "b"]',
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "too_short": "must not be empty",
}
_SECRET = re.compile(r"password|secret|token|key", re.IGNORECASE)


class PipelineError(RiverrunError, ValueError):
    """A pipeline file, or a setting above it, that cannot be used: one line that says why."""


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
    settings = above(from_environment(environ, list(settings)), settings)
    settings = above(from_options(overrides or {}), settings)
    where = _Places(file, lines, settings)
    try:
        pipeline = Pipeline.model_validate(nested(settings))
    except ValidationError as errors:
        raise _first(errors.errors(include_url=False), where) from None
    _check_learner(pipeline, where)
    _check_functions(pipeline, where)
    _check_kafka(pipeline, where)
    return pipeline


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
        at = re.match(r"line (\d+)", where)
        line = int(at[1]) if at else text.count("\n") + 1
        raise PipelineError(f"{file}:{line}: is not valid TOML: {what}") from None


@dataclass(frozen=True)
class _Places:
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

    def line(self, key: Key) -> str:
        """The place of a key in the file, or else of its table."""
        return place(self.file, self.lines, key)

    def shown(self, key: Key) -> str:
        """The key with its value, unless that is secret, absent or a table."""
        name = ".".join(key)
        if key not in self.settings or _SECRET.search(name):
            return name
        value = json.dumps(self.settings[key].value, ensure_ascii=False, default=str)
        return f"{name} = {value if len(value) <= 80 else value[:77] + '...'}"


def _check_learner(pipeline: Pipeline, where: _Places) -> None:
    from learners import registry

    learner = pipeline.learner
    try:
        model = registry.create(
            learner.type, learner.params, learner.scale, learner.drift, learner.tables
        )
    except StepError as error:
        key = ("learner", f"steps[{error.index}]", error.key)
        raise where.refuse(key, error.what) from None
    except DriftError as error:
        raise where.refuse(("learner", "drift", error.key), error.what) from None
    except LearnerError as error:
        what = str(error).removeprefix(f"learner {learner.type!r}: ")
        named = (name for name in learner.params if re.search(rf"(^|'){re.escape(name)}\b", what))
        name = next(named, "type")
        what = what.removeprefix(f"{name} = {learner.params.get(name)!r}: ")
        raise where.refuse(("learner", name), what) from None
    _check_texts(pipeline, where)
    if learner.type not in registry.OURS:
        _check_snapshot(pipeline, model, where)


def _check_texts(pipeline: Pipeline, where: _Places) -> None:
    """Steps over texts are the first, and see the fields as the events have them."""
    from learners.steps.registry import STEPS

    declared = pipeline.events.features
    for i, table in enumerate(pipeline.learner.tables if declared else ()):
        for name in table.get("features") or () if STEPS[table["type"]].takes_texts else ():
            if declared and name not in declared:
                key = ("learner", f"steps[{i}]", "features")
                raise where.refuse(key, f'"{name}" is none of events.features')


def _check_snapshot(pipeline: Pipeline, model: "Model", where: _Places) -> None:
    """A model that could be saved but not restored would be found out by the first restart."""
    from learners import snapshots

    try:
        snapshots.load(snapshots.dump(model, {}), allow=pipeline.snapshots.allow)
    except ForbiddenClass as error:
        what = f"the learner could not be restored: {error}; set snapshots.allow to its modules"
        raise where.refuse(("learner", "type"), what) from None
    except SnapshotError as error:
        raise where.refuse(("learner", "type"), f"could not be saved: {error}") from None


def _check_functions(pipeline: Pipeline, where: _Places) -> None:
    """A feature function or a rule that is not there is found before anything starts."""
    from agents.errors import UnknownFunction
    from agents.functions import load_function

    rule = (pipeline.metrics.rule,) if pipeline.metrics and pipeline.metrics.rule else ()
    functions: dict[Key, tuple[str, ...]] = {
        ("events", "functions"): pipeline.events.functions,
        ("metrics", "rule"): rule,
    }
    for key, names in functions.items():
        try:
            for name in names:
                load_function(name)
        except UnknownFunction as error:
            raise where.refuse(key, str(error)) from None


def _check_kafka(pipeline: Pipeline, where: _Places) -> None:
    if not pipeline.kafka:
        return
    from app.kafka.settings import KafkaSettings

    properties = dict(pipeline.kafka)
    key: Key = ("kafka", "bootstrap.servers")
    try:
        servers = str(properties.pop("bootstrap.servers", "localhost:9092"))
        KafkaSettings(servers)
        key = ("kafka",)
        KafkaSettings(servers, properties)
    except KafkaSettingError as error:
        key = next(_refused_alone(properties, str(error)), key)
        name = key[-1]
        what = str(error).removeprefix(f"{name} = {pipeline.kafka.get(name)}: ")
        raise where.refuse(key, what) from None


def _refused_alone(properties: Mapping[str, Any], what: str) -> Iterator[Key]:
    """The settings that are refused for the same reason without the others.

    Many are good only together: SASL_SSL alone lacks its mechanism.
    """
    from app.kafka.settings import KafkaSettings

    for name, value in properties.items():
        try:
            KafkaSettings("localhost:9092", {name: value})
        except KafkaSettingError as error:
            if str(error) == what:
                yield ("kafka", name)


def _first(errors: list[ErrorDetails], where: _Places) -> PipelineError:
    """The error to show of all: a missing key comes last, it may be a mistyped one."""
    error = min(errors, key=lambda error: error["type"] == "missing")
    key = tuple(error.get("ctx", {}).get("key", "").split(".")) if _is_cross(error) else _loc(error)
    if error["type"] == "missing":
        return PipelineError(f"{where.line(key)}: {'.'.join(key)} is missing")
    return where.refuse(key, _what(error, key))


def _is_cross(error: ErrorDetails) -> bool:
    return error["type"] == "wrong_together"


def _loc(error: ErrorDetails) -> Key:
    """The key of an error; pydantic's place in a list counts where a key of a table follows."""
    loc, key = error["loc"], list[str]()
    for i, part in enumerate(loc):
        if isinstance(part, str):
            key.append(part)
        elif i + 1 < len(loc):
            key[-1] += f"[{part}]"
    return tuple(key)


def _what(error: ErrorDetails, key: Key) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(key)
    if key == ("learner", "steps"):
        return "must be tables, each under [[learner.steps]]"
    if kind == "literal_error":
        return f"must be {context['expected']}".replace("'", '"')
    if kind == "value_error":
        return str(context["error"])
    if kind == "greater_than_equal":
        return f"must be {context['ge']} or more"
    if kind == "less_than_equal":
        return f"must be {context['le']} or less"
    return _EXPECTED.get(kind, error["msg"])


def _unknown(key: Key) -> str:
    if key[0] == "snapshots" and "key" in key[-1]:
        return "a key does not belong in a file: set RIVERRUN_SNAPSHOT_KEY in the environment"
    allowed = list(_fields(key[:-1]))
    near = difflib.get_close_matches(key[-1].lower(), allowed, n=1)
    hint = f', did you mean "{near[0]}"?' if near else ";"
    table = f"[{'.'.join(key[:-1])}] takes" if len(key) > 1 else "a pipeline takes"
    return f"unknown key{hint} {table} {', '.join(allowed)}"


def _fields(table: Key) -> Mapping[str, Any]:
    model: type[BaseModel] = Pipeline
    for part in table:
        annotation = model.model_fields[part].annotation
        assert isinstance(annotation, type)
        assert issubclass(annotation, BaseModel)
        model = annotation
    return model.model_fields
