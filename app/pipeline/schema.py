"""The JSON Schema of pipeline files, so that editors complete and check them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from app.pipeline.connectors import CLIENTS, KINDS
from app.pipeline.durations import duration_text
from app.pipeline.model import Pipeline
from app.pipeline.running import Learner, Step
from app.pipeline.setting_sources import DOTTED
from learners import registry
from learners.drift.settings import DETECTORS, REACTIONS
from learners.ensembles.beside_rule import BesideRule
from learners.river.names import find
from learners.steps.registry import STEPS

OTHERS = r"^river\.|:"
"""Of a learner that is none of ours: an estimator of River, or a user's own "module:name"."""

Schema = dict[str, Any]


def json_schema() -> Schema:
    """The schema of a pipeline file as TOML is read: a length of time is a text.

    Keys, types and bounds come from the tables of `app.pipeline`, names and parameters of
    learners and steps from their registries. What holds between tables is left to
    `riverrun check`.
    """
    schema = Pipeline.model_json_schema()
    definitions = schema["$defs"]
    for made in (schema, *definitions.values()):
        for name, field in made.get("properties", {}).items():
            made["properties"][name] = _as_in_a_file(field)
    definitions["Learner"] = _named(Learner, definitions["Learner"], _learners(), OTHERS)
    definitions["Learner"]["properties"]["drift"] = _drift()
    definitions["Learner"]["properties"]["rule"] = _rule()
    # Without quotes around it, a name with dots is tables within tables.
    dotted = [schema["properties"][table] for table in DOTTED]
    for kind in KINDS.values():
        made = definitions[kind.__name__]["properties"]
        dotted += [made[table] for table in CLIENTS if table in made]
    for table in dotted:
        table["additionalProperties"]["anyOf"].append({"type": "object"})
    definitions["Step"] = _named(Step, definitions["Step"], STEPS)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "riverrun pipeline",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def _as_in_a_file(field: Schema) -> Schema:
    """A file leaves a key out where Python has None; a length of time is a text."""
    kinds = [kind for kind in field.get("anyOf", [field]) if kind != {"type": "null"}]
    found = {k: v for k, v in field.items() if k not in ("anyOf", "title", "default")}
    if "anyOf" in field:
        found |= kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    default = field.get("default")
    if default is not None and not isinstance(default, dict):
        found["default"] = _default(found, default)
    return found


def _default(field: Schema, default: Any) -> Any:
    """The default as a file has it."""
    if isinstance(default, list | tuple):
        return [_default(field.get("items", {}), each) for each in default]
    is_time = isinstance(default, float) and field.get("type") == "string"
    return duration_text(default) if is_time else default


def _learners() -> Mapping[str, Callable[..., Any]]:
    return {
        name: registry.OURS.get(name) or find(registry.WRAPPED[name]) for name in registry.names()
    }


def _named(
    table: type[BaseModel],
    schema: Schema,
    known: Mapping[str, Callable[..., Any]],
    others: str | None = None,
) -> Schema:
    """A table whose other keys are the parameters of what its `type` names."""
    common: Schema = {name: {} for name in table.model_fields if name != "type"}
    kinds = [
        {
            "title": name,
            "properties": {"type": {"const": name}, **common, **dict(_parameters(made))},
            "required": [
                key
                for key, parameter in inspect.signature(made).parameters.items()
                if parameter.default is parameter.empty
            ],
            "additionalProperties": False,
        }
        for name, made in known.items()
    ]
    if others is not None:
        kinds.append({"title": "other", "properties": {"type": {"pattern": others}}})
    return schema | {"anyOf": kinds}


def _parameters(make: Callable[..., Any]) -> Iterator[tuple[str, Schema]]:
    """The parameters, each with its default where it has one that JSON can say."""
    for name, parameter in inspect.signature(make).parameters.items():
        default = parameter.default
        kind = next((k for types, k in _KINDS if isinstance(default, types)), None)
        found = {} if kind is None else {"type": kind}
        if kind is not None and default != math.inf:
            found["default"] = default
        yield name, found


_KINDS = ((bool, "boolean"), ((int, float), "number"), (str, "string"))


def _rule() -> Schema:
    """The keys of a rule: the parameters of what mixes it with the learner."""
    own = {key: kind for key, kind in _parameters(BesideRule) if key != "learner"}
    return {
        "type": "object",
        "properties": {
            **own,
            "feature": {"type": "string"},
            "terms": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "required": ["feature"],
        "additionalProperties": False,
    }


def _drift() -> Schema:
    """The keys of all detectors and reactions: which go together, `riverrun check` says."""
    own: Schema = {key: {} for keys in REACTIONS.values() for key in keys}
    for detector in DETECTORS.values():
        own |= {name: {} for name in inspect.signature(detector).parameters}
    return {
        "type": "object",
        "properties": {
            "detector": {"enum": list(DETECTORS)},
            "on": {"enum": ["loss"], "default": "loss"},
            "loss": {"enum": ["zero_one", "log", "absolute", "squared"]},
            "reaction": {"enum": list(REACTIONS), "default": "alarm"},
            **own,
        },
        "required": ["detector"],
        "additionalProperties": False,
    }
