"""The layers that a pipeline is read from, each as flat settings: key, value and origin."""

import re
import tomllib
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from app.pipeline.connectors import dotted_from
from app.pipeline.model import Pipeline
from app.pipeline.running import Learner
from app.pipeline.sinks import AnySink
from app.pipeline.toml_lines import Path as Key
from app.pipeline.toml_lines import line_of

PREFIX = "RIVERRUN_"
DOTTED = ("kafka", "registry")
"""Tables whose settings are those of a client, under their own dotted names."""
REGISTERS = ("registry", "auto.register.schemas")
_ITEM = re.compile(r"(.+)\[(\d{1,6})\]")


@dataclass(frozen=True)
class Setting:
    """One value, and where it was given: "file.toml:12", a variable or an option."""

    value: Any
    origin: str


Settings = dict[Key, Setting]


def from_file(data: Mapping[str, Any], lines: Mapping[Key, int], file: str) -> Settings:
    """The settings of a parsed TOML file."""
    return {
        _joined(path): Setting(value, place(file, lines, path)) for path, value in _flatten(data)
    }


def place(file: str, lines: Mapping[Key, int], key: Key) -> str:
    """Where `key`, or else the table around it, stands: "file.toml:12"."""
    line = line_of(lines, key)
    return file if line is None else f"{file}:{line}"


def from_environment(environ: Mapping[str, str], file_keys: Iterable[Key]) -> Settings:
    """The settings of variables such as RIVERRUN_EVENTS__TOPIC, and of RIVERRUN_NAME.

    Case does not matter, but for parameters of the learner that the file does not name: those
    are taken as written, RIVERRUN_LEARNER__C is `learner.C`. In names of clients' settings `_`
    stands for a dot.
    """
    learner_keys = {key[1] for key in file_keys if key[0] == "learner" and len(key) > 1}
    spellings = {name.lower(): name for name in (*Learner.model_fields, *learner_keys)}
    found: Settings = {}
    for variable in sorted(environ):
        name = variable.upper().removeprefix(PREFIX)
        if name == variable.upper() or ("__" not in name and name != "NAME"):
            continue
        table, *rest = variable[len(PREFIX) :].split("__")
        if table.lower() == "learner" and len(rest) == 1:
            key: Key = ("learner", spellings.get(rest[0].lower(), rest[0]))
        elif table.lower() in DOTTED:
            key = (table.lower(), ".".join(rest).lower().replace("_", "."))
        elif at := dotted_from(parts := tuple(part.lower() for part in (table, *rest))):
            key = (*parts[:at], ".".join(parts[at:]).replace("_", "."))
        else:
            key = tuple(part.lower() for part in (table, *rest))
        found[key] = Setting(_typed(key, environ[variable]), variable)
    return found


def from_options(options: Mapping[str, str]) -> Settings:
    """The settings of `--set key=value` options."""
    found: Settings = {}
    for dotted, text in options.items():
        key = _joined(tuple(dotted.split(".")))
        found[key] = Setting(_typed(key, text), f"--set {dotted}")
    return found


def above(upper: Settings, lower: Settings) -> Settings:
    """Both layers, the upper one winning; its lists of tables replace those of the lower one."""
    found = dict(lower)
    for key, setting in upper.items():
        if isinstance(setting.value, list):
            found = {path: each for path, each in found.items() if not _is_item(path, key)}
        for path, value in _flatten({key[-1]: setting.value}, key[:-1]):
            found[path] = Setting(value, setting.origin)
    return found


def nested(settings: Mapping[Key, Setting]) -> dict[str, Any]:
    """The settings as the tables of a file."""
    root: dict[str, Any] = {}
    for key, setting in settings.items():
        table: Any = root
        for part in key[:-1]:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                break
        else:
            table[key[-1]] = setting.value
    table = _with_lists(root)
    assert isinstance(table, dict)
    return table


def origin(settings: Mapping[Key, Setting], key: Key) -> str | None:
    """Where `key`, or else a key of the table `key`, was given; None where nowhere."""
    inner = (setting for path, setting in settings.items() if path[: len(key)] == key)
    found = settings.get(key) or next(inner, None)
    return found.origin if found else None


def table_at(key: Key) -> type[BaseModel] | None:
    """The model of a table, such as ("labels",), ("entities[0]",) of a list, or ("sinks", "lake")
    of named tables; None: unknown.
    """
    table: type[BaseModel] | None = Pipeline
    if key[:1] == ("sinks",) and len(key) > 1:
        table, key = AnySink, key[2:]
    parts = iter(key)
    for part in parts:
        field = table.model_fields.get(_ITEM.sub(r"\1", part)) if table else None
        table = _model_in(field.annotation) if field else None
        if field is not None and typing.get_origin(field.annotation) is dict:
            next(parts, None)  # its name
    return table


def is_setting(key: Key) -> bool:
    """Whether the tables know the key, and it is no table itself."""
    table = table_at(key[:-1])
    name = _ITEM.sub(r"\1", key[-1])
    return table is not None and name in table.model_fields and _is_value(table, name)


def _is_value(table: type[BaseModel], name: str) -> bool:
    annotation = table.model_fields[name].annotation
    return _model_in(annotation) is None and "dict[" not in str(annotation)


def _model_in(hint: Any) -> type[BaseModel] | None:
    """The model within Optional and tuple."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return hint
    return next(filter(None, map(_model_in, typing.get_args(hint))), None)


def _joined(path: Key) -> Key:
    """Names of clients' settings hold dots: (kafka, security, protocol) is one name of [kafka]."""
    at = 1 if path[0] in DOTTED and len(path) > 1 else dotted_from(path)
    return path if at is None else (*path[:at], ".".join(path[at:]))


def _flatten(data: Mapping[str, Any], path: Key = ()) -> Iterator[tuple[Key, Any]]:
    for name, value in data.items():
        key = (*path, name)
        if isinstance(value, dict) and value:
            yield from _flatten(value, key)
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            yield from _flatten({f"{name}[{i}]": item for i, item in enumerate(value)}, path)
        else:
            yield key, value


def _is_item(path: Key, key: Key) -> bool:
    """Whether `path` lies in one of the tables of the list `key`."""
    at = len(key) - 1
    return path[:at] == key[:at] and len(path) > at and path[at].startswith(f"{key[at]}[")


def _with_lists(value: Any) -> Any:
    """Tables named "steps[0]", "steps[1]" as the list "steps"."""
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    items: dict[str, dict[int, Any]] = {}
    for name, part in value.items():
        item = _ITEM.fullmatch(name)
        if item and item[1] not in value:
            items.setdefault(item[1], {})[int(item[2])] = _with_lists(part)
        else:
            found[name] = _with_lists(part)
    return found | {name: [parts[i] for i in sorted(parts)] for name, parts in items.items()}


def _typed(key: Key, text: str) -> Any:
    """`text` as the type that `key` takes; as TOML, or else as it stands, where it takes any.

    Settings of clients stay text, which is what they read: "1e5" may be a password.
    """
    if key[0] in DOTTED and key != REGISTERS:
        return text
    kind = _kind(key)
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return [part.strip() for part in text.split(",")] if kind is list else text
    return text if kind is str and not isinstance(value, str) else value


def _kind(key: Key) -> type[str] | type[list[str]] | None:
    """Whether `key` takes a text (str), a list of texts (list) or something else (None)."""
    table = table_at(key[:-1])
    hint = typing.get_type_hints(table).get(key[-1]) if table else None
    hints_of_key = {hint, *typing.get_args(hint)}
    if typing.get_origin(hint) is Literal or (
        str in hints_of_key and typing.get_origin(hint) is not tuple
    ):
        return str
    return list if any(typing.get_origin(hint) is tuple for hint in hints_of_key) else None
